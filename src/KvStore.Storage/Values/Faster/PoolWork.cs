namespace KvStore.Storage.Values.Faster;

/// <summary>Work on threads of the pool, which has to be over before what it uses is freed.</summary>
internal sealed class PoolWork
{
    private readonly Lock _lock = new();
    private int _running;
    private bool _isClosed;

    /// <summary>Does it soon; not at all once <see cref="Close"/> was called.</summary>
    public void Start(Action work) =>
        ThreadPool.UnsafeQueueUserWorkItem(static item => item.Pool.Run(item.Work), (Pool: this, Work: work), preferLocal: false);

    /// <summary>Lets nothing begin any more, and returns when nothing is running.</summary>
    public void Close()
    {
        lock (_lock)
            _isClosed = true;
        SpinWait.SpinUntil(() => Volatile.Read(ref _running) == 0);
    }

    private void Run(Action work)
    {
        lock (_lock)
        {
            if (_isClosed)
                return;
            _running++;
        }
        try
        {
            work();
        }
        finally
        {
            lock (_lock)
                _running--;
        }
    }
}
