using System.Collections.Immutable;
using Orchestrator.Api.CoordinationV1;
using Orchestrator.Control.Pods;
using Orchestrator.Control.Workloads;

namespace Orchestrator.Control.NodeLifecycle;

/// <summary>One look over all nodes.</summary>
internal sealed class NodeHealthLook(NodeHealthSettings settings, ReconcileInput input)
{
    private static readonly string[] Watched = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

    private readonly List<Intent> _intents = [];
    private readonly NodeHealthMemory _former = input.Memory as NodeHealthMemory ?? NodeHealthMemory.Empty;
    private readonly Dictionary<string, NodeHeartbeat> _beats = [];
    private readonly HashSet<string> _written = [];

    public Decision Decide()
    {
        var nodes = input.Cache.List<Node>().OrderBy(node => node.Name, StringComparer.Ordinal).ToList();
        var ready = new Dictionary<string, string>();
        foreach (var node in nodes)
            ready[node.Name] = Judge(node);
        NoteComingAndGoing(nodes);
        var zones = TaintByZone(nodes, ready);
        return new Decision
        {
            Intents = _intents,
            Memory = new NodeHealthMemory(_beats.ToImmutableDictionary(), zones),
        };
    }

    /// <summary>Hears a node's heart, and marks it when it is silent.</summary>
    /// <returns>The readiness that counts from now on.</returns>
    private string Judge(Node node)
    {
        var beat = Listen(node);
        string former = _former.Nodes.TryGetValue(node.Name, out var before) && before.Uid == node.Uid
            ? before.ReadyStatus : NodeHealthController.ReadyStatus(node);
        string status = NodeHealthController.ReadyStatus(node);
        var grace = NodeHealthController.Condition(node, "Ready") is null ? settings.StartupGracePeriod : settings.GracePeriod;
        if (input.Now > beat.SeenAt + grace && MarkUnknown(node))
            status = "Unknown";
        _beats[node.Name] = beat with { ReadyStatus = status };
        // A kubelet that lives speaks for its pods itself, once its first word of not being ready is passed on.
        bool isNews = former == "True" && status != "True";
        if (isNews || status == "Unknown")
            MarkPods(node, isNews);
        return status;
    }

    private void NoteComingAndGoing(IReadOnlyList<Node> nodes)
    {
        foreach (var node in nodes)
        {
            if (!_former.Nodes.TryGetValue(node.Name, out var former) || former.Uid != node.Uid)
                _intents.Add(Note(node.Name, node.Uid, "RegisteredNode", $"Registered Node {node.Name} in Controller"));
        }
        foreach (var (name, former) in _former.Nodes)
        {
            if (!_beats.ContainsKey(name))
                _intents.Add(Note(name, former.Uid, "RemovingNode", $"Removing Node {name} from Controller"));
        }
    }

    private static EmitEvent Note(string name, string uid, string reason, string what) => new(new EventNote(
        new ObjectReference { ApiVersion = "v1", Kind = "Node", Name = name, Uid = uid },
        EventNote.Normal, reason, $"Node {name} event: {what}"));

    private NodeHeartbeat Listen(Node node)
    {
        var leaseTime = input.Cache.Get<Lease>(NodeHealthController.LeaseNamespace, node.Name)?.Spec.RenewTime;
        var statusTime = NodeHealthController.Condition(node, "Ready")?.LastHeartbeatTime;
        if (!_former.Nodes.TryGetValue(node.Name, out var former) || former.Uid != node.Uid)
        {
            // Seen for the first time: it has its whole grace before it. A new node's begins with its creation.
            var since = NodeHealthController.Condition(node, "Ready") is null && node.Metadata.CreationTimestamp is { } created
                ? created : input.Now;
            return new NodeHeartbeat(node.Uid, since, leaseTime, statusTime, "");
        }
        bool isAlive = leaseTime > former.LeaseTime || (leaseTime is not null && former.LeaseTime is null)
            || (statusTime != former.StatusTime && NodeHealthController.ReadyStatus(node) != "Unknown");
        return former with
        {
            SeenAt = isAlive ? input.Now : former.SeenAt,
            LeaseTime = leaseTime ?? former.LeaseTime,
            StatusTime = statusTime,
        };
    }

    /// <returns>Whether the node counts as silent, which it does once its conditions say so.</returns>
    private bool MarkUnknown(Node node)
    {
        var changed = node.DeepClone();
        var conditions = changed.Status.Conditions ??= [];
        foreach (string type in Watched)
        {
            var condition = conditions.FirstOrDefault(c => c.Type == type);
            if (condition is null)
            {
                conditions.Add(new NodeCondition
                {
                    Type = type,
                    Status = "Unknown",
                    Reason = "NodeStatusNeverUpdated",
                    Message = "Kubelet never posted node status.",
                    LastHeartbeatTime = node.Metadata.CreationTimestamp,
                    LastTransitionTime = input.Now,
                });
            }
            else if (condition.Status != "Unknown")
            {
                condition.Status = "Unknown";
                condition.Reason = "NodeStatusUnknown";
                condition.Message = "Kubelet stopped posting node status.";
                condition.LastTransitionTime = input.Now;
            }
        }
        if (!changed.Status.DeepEquals(node.Status))
        {
            _written.Add(node.Name);
            _intents.Add(Update.Status(changed) with { ContinueOnFailure = true });
        }
        return true;
    }

    /// <summary>Nobody is there to say that the pods of a silent node are not ready any more; so this is said here.</summary>
    private void MarkPods(Node node, bool isNews)
    {
        if (isNews)
        {
            _intents.Add(new EmitEvent(EventNote.About(
                node, "NodeNotReady", $"Node {node.Name} status is now: NodeNotReady")));
        }
        foreach (var pod in NodeHealthController.PodsOn(input.Cache, node.Name))
        {
            if (pod.Condition("Ready") is not { Status: "True" })
                continue;
            string time = ApiTime.Text(input.Now);
            string body = $$$"""
                {"metadata":{"uid":"{{{pod.Uid}}}"},"status":{"conditions":[{"type":"Ready","status":"False","lastTransitionTime":"{{{time}}}"}]}}
                """;
            _intents.Add(new Patch(ObjectRef.To(pod), PatchType.StrategicMerge, body, "status")
            {
                ContinueOnFailure = true,
                OnSuccess = EventNote.WarningAbout(pod, "NodeNotReady", "Node is not ready"),
            });
        }
    }

    private ImmutableDictionary<string, ZoneEvictions> TaintByZone(
        IReadOnlyList<Node> nodes, IReadOnlyDictionary<string, string> ready)
    {
        var zones = nodes.GroupBy(ZoneOf).ToDictionary(group => group.Key, group => group.ToList());
        var states = zones.ToDictionary(zone => zone.Key, zone => StateOf(zone.Value, ready));
        // When every zone is silent altogether, it is this side that is cut off: nobody is given up.
        bool isCutOff = states.Count > 0 && states.Values.All(state => state == ZoneState.FullDisruption);
        var evictions = ImmutableDictionary.CreateBuilder<string, ZoneEvictions>();
        foreach (var (zone, members) in zones)
        {
            double rate = isCutOff ? 0 : RateOf(states[zone], members.Count);
            evictions[zone] = TaintZone(zone, members, ready, rate, isCutOff);
        }
        return evictions.ToImmutable();
    }

    private ZoneEvictions TaintZone(
        string zone, IReadOnlyList<Node> nodes, IReadOnlyDictionary<string, string> ready, double rate, bool isCutOff)
    {
        var former = _former.Zones.GetValueOrDefault(zone) ?? new ZoneEvictions(DateTimeOffset.MinValue);
        foreach (var node in nodes)
        {
            string? wanted = isCutOff ? null : ready[node.Name] switch
            {
                "True" => null,
                "False" => NodeTaints.NotReady,
                _ => NodeTaints.Unreachable,
            };
            // One write a look: the node's status was just written, its taints follow when that is seen.
            if (_written.Contains(node.Name) || NodeTaints.WithNoExecute(node, wanted, input.Now) is not { } taints)
                continue;
            bool givesUp = wanted is not null && !HasNoExecute(node);
            if (givesUp)
            {
                if (rate <= 0 || former.NextAt > input.Now)
                    continue;
                former = new ZoneEvictions(input.Now.AddSeconds(1 / rate));
            }
            var changed = node.DeepClone();
            changed.Spec.Taints = taints.Count == 0 ? null : taints;
            _intents.Add(new Update(changed) { ContinueOnFailure = true });
        }
        return former;
    }

    /// <summary>Whether it was given up before; that it changes from one taint to the other costs no further turn.</summary>
    private static bool HasNoExecute(Node node) => node.Spec.Taints.OrEmpty().Any(taint =>
        taint.Effect == NodeTaints.NoExecute && taint.Key is NodeTaints.NotReady or NodeTaints.Unreachable);

    private enum ZoneState
    {
        Normal,
        PartialDisruption,
        FullDisruption,
    }

    private ZoneState StateOf(IReadOnlyList<Node> nodes, IReadOnlyDictionary<string, string> ready)
    {
        int bad = nodes.Count(node => ready[node.Name] != "True");
        if (bad > 0 && bad == nodes.Count)
            return ZoneState.FullDisruption;
        return bad > 2 && (double)bad / nodes.Count >= settings.UnhealthyZoneThreshold
            ? ZoneState.PartialDisruption : ZoneState.Normal;
    }

    private double RateOf(ZoneState state, int nodeCount) => state != ZoneState.PartialDisruption ? settings.EvictionRate
        : nodeCount > settings.LargeClusterThreshold ? settings.SecondaryEvictionRate : 0;

    private static string ZoneOf(Node node) =>
        $"{node.Labels.GetValueOrDefault("topology.kubernetes.io/region")}:{node.Labels.GetValueOrDefault("topology.kubernetes.io/zone")}";
}
