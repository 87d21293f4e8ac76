namespace KvStore.Server.Members.Scheduling;

/// <summary>One thread a loop.</summary>
/// <param name="onFault">Told when a step throws. Nothing the loop owns can be trusted then: the process must end.</param>
public sealed class ThreadLoopScheduler(TimeProvider time, Action<string, Exception> onFault) : ILoopScheduler
{
    public TimeProvider Time { get; } = time;

    public ILoop Start(string name, Func<bool> step) => new ThreadLoop(name, step, onFault);

    public void Pause(TimeSpan duration) => Thread.Sleep(duration);

    private sealed class ThreadLoop : ILoop
    {
        private readonly string _name;
        private readonly Func<bool> _step;
        private readonly Action<string, Exception> _onFault;
        private readonly AutoResetEvent _isWoken = new(false);
        private readonly Thread _thread;
        private int _isSignaled;
        private volatile bool _isStopping;

        public ThreadLoop(string name, Func<bool> step, Action<string, Exception> onFault)
        {
            (_name, _step, _onFault) = (name, step, onFault);
            _thread = new Thread(Run) { Name = name, IsBackground = true };
            _thread.Start();
        }

        public void Wake()
        {
            // One signal is enough however many wake it: the step takes all that is queued.
            if (Interlocked.Exchange(ref _isSignaled, 1) == 0)
                _isWoken.Set();
        }

        public void Stop()
        {
            _isStopping = true;
            _isWoken.Set();
            if (Thread.CurrentThread != _thread)
                _thread.Join();
        }

        private void Run()
        {
            try
            {
                while (true)
                {
                    _isWoken.WaitOne();
                    // Cleared before the step looks: what is queued after it looked signals anew.
                    Interlocked.Exchange(ref _isSignaled, 0);
                    while (!_isStopping && _step())
                    {
                    }
                    if (_isStopping)
                        return;
                }
            }
            catch (OperationCanceledException) when (_isStopping)
            {
                // The step waited for what will not come any more; nobody uses what it left half done.
            }
            catch (Exception fault)
            {
                _onFault(_name, fault);
            }
        }
    }
}
