using System.Globalization;
using System.Text.Json.Nodes;
using Orchestrator.Api;
using Orchestrator.Control.Storage;

namespace Orchestrator.Runtime.Tests.Simulation;

/// <summary>What must be true of each change that the API server accepts, whatever fails meanwhile.</summary>
/// <remarks>Broken rules are gathered, for whoever wrote must not be the one who hears of it.</remarks>
internal sealed class HistoryRules
{
    private readonly FakeApiServer _server;
    private readonly Dictionary<string, HashSet<string>> _succeeded = [];
    private readonly Dictionary<(string Owner, string Name), string> _scheduledJobs = [];
    private readonly HashSet<string> _untouchable = [];

    // By uid: the most replicas that was ever asked for, of Deployments with what they may have beyond.
    private readonly Dictionary<string, long> _most = [];

    public HistoryRules(FakeApiServer server)
    {
        _server = server;
        server.OnChange = Look;
    }

    public List<string> Broken { get; } = [];

    /// <summary>Whether nobody dies and no answer is lost. Then one controller knows all that it has written, and nothing may ever be
    /// there twice; else a second one may see less than the first had done, as in Kubernetes, and takes back what is too much.</summary>
    public bool IsCalm { get; init; }

    /// <summary>Nobody may delete it or put another in its place.</summary>
    public void MustStay(IKubernetesObject item) => _untouchable.Add(item.Uid);

    public void MayGo(IKubernetesObject item) => _untouchable.Remove(item.Uid);

    /// <summary>The different pods of a Job that ever succeeded.</summary>
    public int SucceededPodsOf(string job) => _succeeded.TryGetValue(job, out var pods) ? pods.Count : 0;

    public void Check() => Assert.True(Broken.Count == 0, string.Join('\n', Broken));

    private void Look(FakeApiServer.Change change)
    {
        if (change.New is null)
        {
            if (_untouchable.Contains(Text(change.Old!, "metadata", "uid")))
                Break(change, "was deleted though nobody who owned it was");
            return;
        }
        LookAtGenerations(change);
        LookAtWish(change);
        if (change.Resource.Plural == "pods")
            LookAtPod(change);
        if (change.Resource.Plural is "persistentvolumes" or "persistentvolumeclaims")
            LookAtBond(change);
        if (change.Resource.Plural == "jobs" && change.Old is null)
            LookAtNewJob(change);
    }

    // No lost update: what was observed once is not unobserved.
    private void LookAtGenerations(FakeApiServer.Change change)
    {
        long observed = Number(change.New!["status"]?["observedGeneration"]);
        if (observed > Number(change.New["metadata"]!["generation"]))
            Break(change, $"observed a generation that was never ({observed})");
        if (change.Old is not null && observed < Number(change.Old["status"]?["observedGeneration"]))
            Break(change, $"unlearned a generation ({Number(change.Old["status"]?["observedGeneration"])} to {observed})");
    }

    // What its owner may have at most, now or before: a cache may show an older wish.
    private void LookAtWish(FakeApiServer.Change change)
    {
        if (change.Resource.Plural is not ("replicasets" or "deployments" or "jobs"))
            return;
        var spec = change.New!["spec"]!;
        long wish = Number(spec[change.Resource.Plural == "jobs" ? "parallelism" : "replicas"]);
        if (spec["strategy"]?["rollingUpdate"]?["maxSurge"] is JsonValue surge)
            wish += surge.TryGetValue(out string? share) ? (long.Parse(share.TrimEnd('%'), CultureInfo.InvariantCulture) * wish + 99) / 100 : Number(surge);
        string uid = Text(change.New, "metadata", "uid");
        _most[uid] = Math.Max(wish, _most.GetValueOrDefault(uid));
        if (change.Resource.Plural == "replicasets" && IsCalm && OwnerOf(change.New) is { Length: > 0 } deployment
            && _most.TryGetValue(deployment, out long most))
        {
            long sum = _server.All<Api.AppsV1.ReplicaSet>().Where(set => set.ControllerOwner?.Uid == deployment).Sum(set => set.Spec.Replicas ?? 0);
            if (sum > most)
                Break(change, $"makes {sum} replicas of a Deployment, of {most}");
        }
    }

    private void LookForTooMany(FakeApiServer.Change change)
    {
        string owner = OwnerOf(change.New!);
        if (!_most.TryGetValue(owner, out long most))
            return;
        int count = _server.All<Api.CoreV1.Pod>().Count(pod => pod.ControllerOwner?.Uid == owner && !pod.IsBeingDeleted
            && pod.Status.Phase is not ("Succeeded" or "Failed"));
        if (count > most)
            Break(change, $"is one of {count} pods where {most} were ever asked for");
    }

    private void LookAtPod(FakeApiServer.Change change)
    {
        if (change.Old is null && IsCalm)
            LookForTooMany(change);
        string node = Text(change.New!, "spec", "nodeName");
        if (change.Old is not null && Text(change.Old, "spec", "nodeName") is { Length: > 0 } before && before != node)
            Break(change, $"moved from {before} to {node}");
        if (node.Length > 0 && (change.Old is null || Text(change.Old, "spec", "nodeName").Length == 0))
        {
            LookAtRoom(change, node);
            LookAtVolumes(change, node);
        }
        string phase = Text(change.New!, "status", "phase");
        if (phase != "Succeeded")
            return;
        foreach (var owner in change.New!["metadata"]!["ownerReferences"] as JsonArray ?? [])
        {
            string uid = (string)owner!["uid"]!;
            if (!_succeeded.TryGetValue(uid, out var pods))
                _succeeded.Add(uid, pods = []);
            pods.Add(Text(change.New!, "metadata", "uid"));
        }
    }

    // A pod was bound: all that its node runs must fit.
    private void LookAtRoom(FakeApiServer.Change change, string node)
    {
        if (_server.Find<Api.CoreV1.Node>("", node) is not { } found)
        {
            Break(change, $"was bound to {node}, which is not there");
            return;
        }
        long room = found.Status.Allocatable!["cpu"].MilliValue;
        long asked = _server.All<Api.CoreV1.Pod>()
            .Where(pod => pod.Spec.NodeName == node && pod.Status.Phase is not ("Succeeded" or "Failed"))
            .SelectMany(pod => pod.Spec.Containers.OrEmpty())
            .Sum(container => container.Resources?.Requests.OrEmpty().GetValueOrDefault("cpu").MilliValue ?? 0);
        if (asked > room)
            Break(change, $"made {node} hold {asked}m of {room}m");
    }

    // A volume is nobody else's before it was nobody's, and a claim keeps the one that it has.
    private void LookAtBond(FakeApiServer.Change change)
    {
        if (change.Old is null)
            return;
        bool isVolume = change.Resource.Plural == "persistentvolumes";
        string before = isVolume ? (string?)change.Old["spec"]?["claimRef"]?["uid"] ?? "" : Text(change.Old, "spec", "volumeName");
        string after = isVolume ? (string?)change.New!["spec"]?["claimRef"]?["uid"] ?? "" : Text(change.New!, "spec", "volumeName");
        if (before.Length > 0 && before != after && (after.Length > 0 || !isVolume))
            Break(change, $"went from {before} to {after}");
    }

    // A pod was bound: its claims had their volumes, and the node reaches them. Claims that are gone or going were not when it was decided.
    private void LookAtVolumes(FakeApiServer.Change change, string node)
    {
        var pod = KubernetesJson.Deserialize<Api.CoreV1.Pod>(FakeApiServer.Bytes(change.New!));
        foreach (string name in pod.Spec.Volumes.OrEmpty().Select(volume => volume.PersistentVolumeClaim?.ClaimName).OfType<string>())
        {
            if (_server.Find<Api.CoreV1.PersistentVolumeClaim>(pod.Namespace, name) is not { IsBeingDeleted: false } claim)
                continue;
            // Another one of the same name was seen when it was decided.
            if (claim.Metadata.CreationTimestamp > pod.Metadata.CreationTimestamp)
                continue;
            if (_server.Find<Api.CoreV1.PersistentVolume>("", claim.Spec.VolumeName ?? "") is not { } volume || volume.Spec.ClaimRef?.Uid != claim.Uid)
                Break(change, $"was bound while its claim {name} had no volume");
            else if (!VolumeMatch.IsReachedFrom(volume, _server.Find<Api.CoreV1.Node>("", node)))
                Break(change, $"was bound to {node}, from where {volume.Name} is out of reach");
        }
    }

    // A start of a CronJob is a name; one of them may be made once.
    private void LookAtNewJob(FakeApiServer.Change change)
    {
        foreach (var owner in change.New!["metadata"]!["ownerReferences"] as JsonArray ?? [])
        {
            if (!_scheduledJobs.TryAdd(((string)owner!["uid"]!, Text(change.New!, "metadata", "name")), ""))
                Break(change, "was started twice");
        }
    }

    private void Break(FakeApiServer.Change change, string what) =>
        Broken.Add(string.Create(CultureInfo.InvariantCulture, $"at revision {change.Revision} {change.Key} {what}"));

    private static string OwnerOf(JsonObject item) => (item["metadata"]!["ownerReferences"] as JsonArray ?? [])
        .Where(owner => (bool?)owner!["controller"] == true).Select(owner => (string)owner!["uid"]!).FirstOrDefault("");

    private static string Text(JsonObject item, string part, string field) => (string?)item[part]?[field] ?? "";

    private static long Number(JsonNode? number) =>
        number is null ? 0 : long.Parse(number.ToJsonString(), CultureInfo.InvariantCulture);
}
