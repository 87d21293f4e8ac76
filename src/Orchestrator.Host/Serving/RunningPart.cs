namespace Orchestrator.Host.Serving;

/// <summary>A loop that runs until the part is stopped.</summary>
internal sealed class RunningPart : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _loop;

    public RunningPart(Func<CancellationToken, Task> loop) => _loop = Task.Run(() => loop(_stopping.Token));

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }
}
