namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>Why containers of a pod do not run though they should, and when each may be tried again.</summary>
internal sealed class ContainerWaits
{
    private readonly Lock _gate = new();
    private readonly ContainerBackoff _restarts = new();
    private readonly Dictionary<string, WaitingReason> _reasons = [];

    // When what could not be started may be tried again; a container with another definition may at once.
    private readonly Dictionary<string, (string Definition, DateTimeOffset At)> _retries = [];

    /// <summary>The reasons by containers' names, as they are now.</summary>
    public IReadOnlyDictionary<string, WaitingReason> Reasons
    {
        get
        {
            lock (_gate)
                return new Dictionary<string, WaitingReason>(_reasons);
        }
    }

    public bool Has(string container)
    {
        lock (_gate)
            return _reasons.ContainsKey(container);
    }

    /// <summary>It could not be started.</summary>
    public void Fail(PodContainer container, WaitingReason reason, DateTimeOffset retryAt)
    {
        lock (_gate)
        {
            _reasons[container.Name] = reason;
            _retries[container.Name] = (container.Hash, retryAt);
        }
    }

    public void Succeed(PodContainer container)
    {
        lock (_gate)
        {
            _reasons.Remove(container.Name);
            _retries.Remove(container.Name);
        }
    }

    /// <returns>Until when it is put off since it could not be started a moment ago, which no change of the pod or of other containers
    /// makes any better; null: it is not.</returns>
    public DateTimeOffset? RetryAt(PodContainer container, DateTimeOffset now)
    {
        lock (_gate)
        {
            return _retries.TryGetValue(container.Name, out (string Definition, DateTimeOffset At) retry)
                && retry.Definition == container.Hash && retry.At > now ? retry.At : null;
        }
    }

    /// <returns>Until when a restart waits since it comes too often, and how long that is; null: it does not, and the next one will longer.</returns>
    public (DateTimeOffset Until, TimeSpan Wait)? Restart(PodContainer container, DateTimeOffset finishedAt, DateTimeOffset now)
    {
        lock (_gate)
        {
            if (_restarts.WaitUntil(container.Name, finishedAt, now) is { } until)
                return (until, _restarts.Current(container.Name));
            _restarts.Next(container.Name, finishedAt, now);
            return null;
        }
    }

    /// <returns>Whether it did not wait for that already.</returns>
    public bool Set(PodContainer container, WaitingReason reason)
    {
        lock (_gate)
        {
            bool isNew = !_reasons.TryGetValue(container.Name, out WaitingReason known) || known != reason;
            _reasons[container.Name] = reason;
            return isNew;
        }
    }
}
