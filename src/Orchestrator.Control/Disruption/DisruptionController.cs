using System.Globalization;
using Orchestrator.Api.PolicyV1;
using Orchestrator.Control.Pods;

namespace Orchestrator.Control.Disruption;

/// <summary>Works out how many pods of each budget may be missed now.</summary>
public static class DisruptionController
{
    /// <summary>How long a pod whose eviction was allowed may take to begin to go, before it counts as there again.</summary>
    public static readonly TimeSpan DeletionLimit = TimeSpan.FromMinutes(2);

    public static ControllerDescription Description { get; } = new()
    {
        Name = "controllermanager",
        Reconcile = Reconcile,
        Workers = 2,
        Watches =
        [
            Watch.Self<PodDisruptionBudget>(),
            Watch.On<Pod>(PodKeys),
            // Their sizes are read, and a change of size changes pods.
            Watch.Silent<ReplicaSet>(), Watch.Silent<Deployment>(), Watch.Silent<StatefulSet>(),
            Watch.Silent<ReplicationController>(),
        ],
    };

    private static IEnumerable<NamespacedName> PodKeys(Pod? before, Pod? after, IObjectCache cache)
    {
        var pod = (after ?? before)!;
        foreach (var budget in cache.List<PodDisruptionBudget>(pod.Namespace))
        {
            var selector = Selector.Of(budget.Spec.Selector);
            if (selector.Matches(pod.Labels) || (before is not null && selector.Matches(before.Labels)))
                yield return budget.Key;
        }
    }

    public static Decision Reconcile(ReconcileInput input)
    {
        if (input.Cache.Get<PodDisruptionBudget>(input.Key.Namespace, input.Key.Name) is not { } budget)
            return Decision.Nothing;
        return new BudgetLook(budget, input).Decide();
    }

    /// <summary>The condition that goes with the number of disruptions that are allowed.</summary>
    public static void SetAllowed(PodDisruptionBudget budget, DateTimeOffset now)
    {
        bool isAllowed = (budget.Status.DisruptionsAllowed ?? 0) > 0;
        SetCondition(budget, isAllowed ? "True" : "False", isAllowed ? "SufficientPods" : "InsufficientPods", "", now);
    }

    private static void SetCondition(PodDisruptionBudget budget, string status, string reason, string message, DateTimeOffset now)
    {
        var conditions = budget.Status.Conditions ??= [];
        var condition = conditions.FirstOrDefault(c => c.Type == "DisruptionAllowed");
        if (condition is null)
            conditions.Add(condition = new Condition { Type = "DisruptionAllowed" });
        if (condition.Status != status)
            condition.LastTransitionTime = now;
        condition.Status = status;
        condition.Reason = reason;
        condition.Message = message;
        condition.ObservedGeneration = budget.Metadata.Generation;
    }

    private sealed class BudgetLook(PodDisruptionBudget budget, ReconcileInput input)
    {
        private readonly List<Intent> _events = [];
        private DateTimeOffset? _requeueAt;

        public Decision Decide()
        {
            var selector = Selector.Of(budget.Spec.Selector);
            var pods = input.Cache.List<Pod>(budget.Namespace).Where(pod => selector.Matches(pod.Labels)).ToList();
            if (pods.Count == 0)
                _events.Add(new EmitEvent(EventNote.About(budget, "NoPods", "No matching pods found")));
            var changed = budget.DeepClone();
            try
            {
                Count(changed, pods);
            }
            catch (FormatException e)
            {
                _events.Add(new EmitEvent(EventNote.WarningAbout(budget, "CalculateExpectedPodCountFailed",
                    $"Failed to calculate the number of expected pods: {e.Message}")));
                changed.Status.DisruptionsAllowed = 0;
                changed.Status.ObservedGeneration = budget.Metadata.Generation;
                SetCondition(changed, "False", "SyncFailed", e.Message, input.Now);
            }
            bool isSame = changed.Status.DeepEquals(budget.Status);
            // Once told, an event is not repeated while nothing changes.
            return new Decision
            {
                Intents = isSame ? [] : [.. _events, Update.Status(changed)],
                RequeueAt = _requeueAt,
            };
        }

        private void Count(PodDisruptionBudget changed, List<Pod> pods)
        {
            var (expected, desired) = Wanted(pods);
            var disrupted = Disrupted(pods);
            int healthy = pods.Count(pod => !pod.IsBeingDeleted && !disrupted.ContainsKey(pod.Name) && pod.IsReady());
            var status = changed.Status;
            status.CurrentHealthy = healthy;
            status.DesiredHealthy = desired;
            status.ExpectedPods = expected;
            status.DisruptionsAllowed = expected <= 0 ? 0 : Math.Max(0, healthy - desired);
            status.DisruptedPods = disrupted.Count == 0 ? null : disrupted;
            status.ObservedGeneration = budget.Metadata.Generation;
            SetAllowed(changed, input.Now);
        }

        private (int Expected, int Desired) Wanted(List<Pod> pods)
        {
            if (budget.Spec.MaxUnavailable is { } maxUnavailable)
            {
                int expected = ExpectedSize(pods);
                return (expected, Math.Max(0, expected - maxUnavailable.Scaled(expected, roundUp: true)));
            }
            if (budget.Spec.MinAvailable is not { } minAvailable)
                return (pods.Count, 0);
            if (minAvailable.IsInt)
                return (pods.Count, minAvailable.IntValue);
            int size = ExpectedSize(pods);
            return (size, minAvailable.Scaled(size, roundUp: true));
        }

        /// <summary>How many pods the controllers of these pods are meant to have.</summary>
        private int ExpectedSize(List<Pod> pods)
        {
            var sizes = new Dictionary<string, int>();
            bool hasUnmanaged = false;
            foreach (var pod in pods)
            {
                if (pod.ControllerOwner is not { } owner)
                {
                    hasUnmanaged = true;
                    continue;
                }
                var (uid, size) = SizeOf(owner, pod.Namespace)
                    ?? throw new FormatException($"{owner.Kind?.ToLowerInvariant()}s.{Group(owner)} does not implement the scale subresource");
                sizes[uid] = size;
            }
            if (hasUnmanaged)
            {
                _events.Add(new EmitEvent(EventNote.WarningAbout(budget, "UnmanagedPods",
                    $"Pods selected by this PodDisruptionBudget (selector: {Selector.Of(budget.Spec.Selector)}) were found to be "
                    + "unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined "
                    + "behavior. To account for these pods please set \".spec.minAvailable\" field of the PDB to an integer value.")));
            }
            return sizes.Values.Sum();
        }

        private static string Group(OwnerReference owner) =>
            (owner.ApiVersion ?? "").Contains('/', StringComparison.Ordinal) ? owner.ApiVersion!.Split('/')[0] : "";

        /// <summary>Null for a kind that has no size.</summary>
        private (string Uid, int Size)? SizeOf(OwnerReference owner, string ns)
        {
            string name = owner.Name ?? "";
            switch (owner.Kind)
            {
                case "ReplicaSet" when input.Cache.Get<ReplicaSet>(ns, name) is { } set:
                    return set.ControllerOwner is { Kind: "Deployment" } parent
                        && input.Cache.Get<Deployment>(ns, parent.Name ?? "") is { } deployment
                        ? (deployment.Uid, deployment.Spec.Replicas ?? 1) : (set.Uid, set.Spec.Replicas ?? 1);
                case "StatefulSet" when input.Cache.Get<StatefulSet>(ns, name) is { } set:
                    return (set.Uid, set.Spec.Replicas ?? 1);
                case "ReplicationController" when input.Cache.Get<ReplicationController>(ns, name) is { } set:
                    return (set.Uid, set.Spec.Replicas ?? 1);
                // An owner that is gone counts for nothing; its pods follow it.
                case "ReplicaSet" or "StatefulSet" or "ReplicationController":
                    return (owner.Uid ?? "", 0);
                default:
                    return null;
            }
        }

        /// <summary>Pods whose eviction was allowed and that have not begun to go.</summary>
        private Dictionary<string, DateTimeOffset> Disrupted(List<Pod> pods)
        {
            var disrupted = new Dictionary<string, DateTimeOffset>();
            foreach (var pod in pods)
            {
                if (pod.IsBeingDeleted || !budget.Status.DisruptedPods.OrEmpty().TryGetValue(pod.Name, out var at))
                    continue;
                var limit = at + DeletionLimit;
                if (limit < input.Now)
                {
                    _events.Add(new EmitEvent(EventNote.WarningAbout(pod, "NotDeleted",
                        $"Pod was expected by PDB {budget.Namespace}/{budget.Name} to be deleted but it wasn't")));
                    continue;
                }
                Keep(disrupted, pod.Name, at);
            }
            // A pod that the cache does not have is gone; unless the cache is behind the eviction and has not got it yet. Were
            // it forgotten then, it would count as healthy once it is seen.
            if (!HasSeenEvictions())
            {
                foreach (var (name, at) in budget.Status.DisruptedPods.OrEmpty())
                {
                    if (at + DeletionLimit >= input.Now && input.Cache.Get<Pod>(budget.Namespace, name) is null)
                        Keep(disrupted, name, at);
                }
            }
            return disrupted;
        }

        private void Keep(Dictionary<string, DateTimeOffset> disrupted, string name, DateTimeOffset at)
        {
            disrupted[name] = at;
            var limit = at + DeletionLimit;
            if (_requeueAt is null || limit < _requeueAt)
                _requeueAt = limit.AddSeconds(1);
        }

        /// <summary>The budget was written with each eviction, and all versions come from one count.</summary>
        private bool HasSeenEvictions() => long.TryParse(
            budget.ResourceVersion, NumberStyles.None, CultureInfo.InvariantCulture, out long version)
            && input.Cache.SeenResourceVersion(Pod.StaticKind) >= version;
    }
}
