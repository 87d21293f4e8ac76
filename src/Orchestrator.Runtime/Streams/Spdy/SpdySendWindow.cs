namespace Orchestrator.Runtime.Streams.Spdy;

/// <summary>What may still be sent on a stream, or on the whole connection, before the peer says that it has read more.</summary>
/// <remarks>
/// Counted from the first byte but binding only from <see cref="Bind"/> on: most peers know no flow control and would
/// never open the window again, and whether one does is learnt from its frames.
/// </remarks>
internal sealed class SpdySendWindow(int initialBytes)
{
    private readonly Lock _gate = new();
    private long _available = initialBytes;
    private bool _isBinding;
    private TaskCompletionSource? _changed;

    public void Grow(long deltaBytes)
    {
        lock (_gate)
        {
            _available += deltaBytes;
            _changed?.TrySetResult();
            _changed = null;
        }
    }

    public void Bind()
    {
        lock (_gate)
            _isBinding = true;
    }

    /// <summary>The stream has failed: whoever waits goes on and meets the failure.</summary>
    public void Open()
    {
        lock (_gate)
        {
            _isBinding = false;
            _changed?.TrySetResult();
            _changed = null;
        }
    }

    /// <summary>Takes up to <paramref name="wantedBytes"/>, waiting until at least one byte may be sent.</summary>
    public async ValueTask<int> TakeAsync(int wantedBytes, CancellationToken ct)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (!_isBinding || _available > 0)
                {
                    int taken = _isBinding ? (int)Math.Min(wantedBytes, _available) : wantedBytes;
                    _available -= taken;
                    return taken;
                }
                _changed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                changed = _changed.Task;
            }
            await changed.WaitAsync(ct);
        }
    }
}
