namespace Orchestrator.Runtime.Kubelet.StaticPods;

/// <summary>Work that is done one turn at a time, and once more when it was asked for meanwhile.</summary>
/// <param name="work">Fails only when all ends.</param>
internal sealed class Turns(Func<Task> work, CancellationToken stopping)
{
    private readonly Lock _gate = new();
    private bool _isAsked;
    private bool _isRunning;

    public void Ask()
    {
        lock (_gate)
        {
            _isAsked = true;
            if (_isRunning)
                return;
            _isRunning = true;
        }
        _ = Task.Run(RunAsync, CancellationToken.None);
    }

    private async Task RunAsync()
    {
        while (true)
        {
            lock (_gate)
            {
                if (!_isAsked || stopping.IsCancellationRequested)
                {
                    _isRunning = false;
                    return;
                }
                _isAsked = false;
            }
            await work();
        }
    }
}
