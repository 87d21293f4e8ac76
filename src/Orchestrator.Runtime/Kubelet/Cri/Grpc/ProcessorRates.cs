namespace Orchestrator.Runtime.Kubelet.Cri.Grpc;

/// <summary>Makes rates of totals, for runtimes that only count: what a container uses now is what it used since the look before.</summary>
internal sealed class ProcessorRates
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (long Nanoseconds, long Total, long Rate)> _last = [];

    /// <param name="nanoseconds">When <paramref name="total"/> was counted.</param>
    /// <param name="total">Processor nanoseconds since the container's start.</param>
    /// <returns>Nanocores; 0 at the first look.</returns>
    public long Add(string containerId, long nanoseconds, long total)
    {
        lock (_gate)
        {
            if (!_last.TryGetValue(containerId, out var last) || total < last.Total)
            {
                _last[containerId] = (nanoseconds, total, 0);
                return 0;
            }
            if (nanoseconds <= last.Nanoseconds)
                return last.Rate; // The runtime has not counted anew.
            long rate = (long)((total - last.Total) * 1e9 / (nanoseconds - last.Nanoseconds));
            _last[containerId] = (nanoseconds, total, rate);
            return rate;
        }
    }

    /// <summary>Forgets all others.</summary>
    public void KeepOnly(IEnumerable<string> ids)
    {
        lock (_gate)
        {
            HashSet<string> kept = [.. ids];
            foreach (string id in _last.Keys.Where(id => !kept.Contains(id)).ToList())
                _last.Remove(id);
        }
    }
}
