namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>Images of one pod that could not be pulled, why, and when the next try may be made. Thread-safe.</summary>
internal sealed class PullBackoff
{
    private readonly ContainerBackoff _backoff = new();
    private readonly Dictionary<string, (DateTimeOffset At, string Error)> _failures = [];
    private readonly Lock _gate = new();

    /// <returns>The end of the wait and the failure that it is for; null when a try may be made.</returns>
    public (DateTimeOffset Until, DateTimeOffset FailedAt, string Error)? Wait(string image, DateTimeOffset now)
    {
        lock (_gate)
        {
            if (!_failures.TryGetValue(image, out var failure))
                return null;
            return _backoff.WaitUntil(image, failure.At, now) is { } until ? (until, failure.At, failure.Error) : null;
        }
    }

    public void Failed(string image, string error, DateTimeOffset now)
    {
        lock (_gate)
        {
            _backoff.Next(image, now, now);
            _failures[image] = (now, error);
        }
    }

    public void Succeeded(string image)
    {
        lock (_gate)
        {
            _backoff.Forget(image);
            _failures.Remove(image);
        }
    }
}
