using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Plugins;

namespace Orchestrator.Control.Scheduling;

/// <summary>Why a pod has no place, node by node.</summary>
public sealed class FitError
{
    /// <summary>The whole message while there is not one node.</summary>
    public const string NoNodes = "no nodes available to schedule pods";

    private readonly string? _ofPod;
    private readonly FilterResult? _ofOthers;
    private readonly int _otherCount;

    /// <param name="ofPod">What a plugin said before it saw a node; then nothing is said of nodes.</param>
    /// <param name="ofOthers">What is said of the nodes that were not looked at.</param>
    internal FitError(
        int nodeCount, IReadOnlyList<FilterResult> refusals, FilterResult? ofPod = null, FilterResult? ofOthers = null,
        IReadOnlyList<NodeInfo>? nodes = null)
    {
        NodeCount = nodeCount;
        Nodes = nodes ?? [];
        Refusals = refusals;
        _ofPod = ofPod is null ? null : string.Join(", ", ofPod.Reasons);
        _ofOthers = ofOthers;
        _otherCount = nodeCount - refusals.Count;
        Plugins = refusals.Append(ofPod).Append(ofOthers).Where(refusal => refusal is not null)
            .SelectMany(refusal => refusal!.Plugin.Split(',')).ToHashSet();
    }

    public int NodeCount { get; }

    /// <summary>One for each node that was looked at.</summary>
    public IReadOnlyList<FilterResult> Refusals { get; }

    /// <summary>The nodes of <see cref="Refusals"/>, in the same order.</summary>
    internal IReadOnlyList<NodeInfo> Nodes { get; }

    /// <summary>Who turned the pod away: changes that these wait for may help. Empty: anything may.</summary>
    public IReadOnlySet<string> Plugins { get; }

    /// <summary>What was tried when no node would do.</summary>
    public string? NoFitMessage { get; internal set; }

    /// <summary>As <c>kubectl describe</c> shows it.</summary>
    public string Message
    {
        get
        {
            if (NodeCount == 0)
                return NoNodes;
            string message = _ofPod is null
                ? Format(NodeCount, Histogram())
                : $"0/{NodeCount} nodes are available: {_ofPod}.";
            return NoFitMessage is null ? message : $"{message} {NoFitMessage}";
        }
    }

    /// <summary>The reasons with their counts, as text in order.</summary>
    internal static string Format(int nodeCount, Dictionary<string, int> histogram)
    {
        var reasons = histogram.Select(entry => $"{entry.Value} {entry.Key}").Order(StringComparer.Ordinal).ToList();
        string head = $"0/{nodeCount} nodes are available:";
        return reasons.Count == 0 ? head : $"{head} {string.Join(", ", reasons)}.";
    }

    private Dictionary<string, int> Histogram()
    {
        var histogram = new Dictionary<string, int>();
        foreach (var refusal in Refusals)
        {
            foreach (string reason in refusal.Reasons)
                histogram[reason] = histogram.GetValueOrDefault(reason) + 1;
        }
        if (_ofOthers is not null && _otherCount > 0)
        {
            foreach (string reason in _ofOthers.Reasons)
                histogram[reason] = histogram.GetValueOrDefault(reason) + _otherCount;
        }
        return histogram;
    }
}
