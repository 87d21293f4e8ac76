using Orchestrator.Api;

namespace Orchestrator.Runtime.Proxy;

/// <summary>To which of the node's pods the rules send, and who waits for the end of that.</summary>
internal sealed class Departures
{
    private readonly Lock _gate = new();
    private readonly Dictionary<NamespacedName, IReadOnlyList<string>> _sentTo = [];
    private readonly List<(string Pod, TaskCompletionSource Gone)> _waiting = [];

    /// <summary>The rules of one service, which are in force or will be at the next <see cref="Settle"/>, send to these pods of the node.</summary>
    public void Set(NamespacedName service, IReadOnlyList<string> pods)
    {
        lock (_gate)
        {
            if (pods.Count == 0)
                _sentTo.Remove(service);
            else
                _sentTo[service] = pods;
        }
    }

    public bool IsSentTo(string pod)
    {
        lock (_gate)
            return _sentTo.Values.Any(pods => pods.Contains(pod));
    }

    /// <summary>Completes at the first <see cref="Settle"/> by which nobody is sent to the pod.</summary>
    public async Task AwaitAsync(string pod, CancellationToken ct)
    {
        (string Pod, TaskCompletionSource Gone) wait = (pod, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        lock (_gate)
            _waiting.Add(wait);
        try
        {
            await wait.Gone.Task.WaitAsync(ct);
        }
        finally
        {
            lock (_gate)
                _waiting.Remove(wait);
        }
    }

    /// <summary>All rules that were set are in force.</summary>
    /// <param name="isExpected">Whether services will send to a pod though the rules do not yet.</param>
    public void Settle(Func<string, bool> isExpected)
    {
        lock (_gate)
        {
            foreach (var (pod, gone) in _waiting)
            {
                if (!IsSentTo(pod) && !isExpected(pod))
                    gone.TrySetResult();
            }
        }
    }
}
