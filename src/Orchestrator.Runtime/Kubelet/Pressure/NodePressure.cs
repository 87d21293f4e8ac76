namespace Orchestrator.Runtime.Kubelet.Pressure;

/// <summary>Whether a node is under pressure: thresholds against what was seen, and the conditions that come of it.</summary>
/// <remarks>
/// Asks no clock and no machine. One owner tells what it has seen; everybody may read the conditions.
/// <code>
/// seen            low        enough                    enough
/// at              0 s        10 s        ...           300 s
/// DiskPressure    True       True        True          False      with a transition period of 5 min
/// </code>
/// </remarks>
internal sealed class NodePressure(IReadOnlyList<EvictionThreshold> thresholds, TimeSpan transitionPeriod)
{
    private static readonly string[] Order = [EvictionSignals.MemoryPressure, EvictionSignals.DiskPressure, EvictionSignals.PidPressure];

    private readonly Dictionary<string, DateTimeOffset> _lastSeen = [];
    private IReadOnlyList<string> _conditions = [];

    /// <summary>Those that the node has now, by <see cref="EvictionSignals"/>' names.</summary>
    public IReadOnlyList<string> Conditions => Volatile.Read(ref _conditions);

    /// <summary>Takes note of what there is now.</summary>
    /// <returns>The thresholds that are met, memory's first: what kills processes at random comes before what makes writes fail.</returns>
    public IReadOnlyList<EvictionThreshold> Observe(NodeSignals signals, DateTimeOffset now)
    {
        IReadOnlyList<EvictionThreshold> met = Met(thresholds, signals);
        foreach (EvictionThreshold threshold in met)
            _lastSeen[EvictionSignals.ConditionOf(threshold.Signal)] = now;
        Volatile.Write(
            ref _conditions,
            [.. Order.Where(name => _lastSeen.TryGetValue(name, out DateTimeOffset at) && (at == now || now - at < transitionPeriod))]);
        return met;
    }

    /// <summary>Whether any threshold is met by what there is; nothing is noted.</summary>
    public bool IsMetBy(NodeSignals signals) => Met(thresholds, signals).Count > 0;

    /// <summary>A signal that nobody could read meets none.</summary>
    public static IReadOnlyList<EvictionThreshold> Met(IReadOnlyList<EvictionThreshold> thresholds, NodeSignals signals) =>
    [
        .. thresholds.Where(threshold => signals.Values.TryGetValue(threshold.Signal, out SignalValue value) && value.Available < threshold.In(value.Capacity))
            .OrderBy(threshold => threshold.Signal),
    ];
}
