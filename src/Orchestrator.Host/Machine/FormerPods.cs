using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Host.Machine;

/// <summary>Pods that the API still shows as ready though the machine, or its containers, ended: their services lead to where nobody is.</summary>
/// <remarks>
/// They are shown as not ready before the node says that it is, so that who waited for the node is not sent to them: each pod's own report comes
/// only when the kubelet has turned to it. Kubernetes does the same to a node's pods when the node has been silent for too long.
/// </remarks>
internal sealed class FormerPods : IPodSink
{
    /// <summary>A static pod's own uid, by which its containers are known, stands at its mirror.</summary>
    private const string StaticUid = "kubernetes.io/config.mirror";

    /// <summary>An API server that is away must not keep static pods from running.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly List<Pod> _shownReady = [];
    private readonly TaskCompletionSource _allTold = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private FormerPods()
    {
    }

    /// <summary>Does what it can: what fails here the kubelet makes good a moment later.</summary>
    /// <param name="running">Uids of the pods of which something runs.</param>
    public static async Task ShowAsync(IKubeletApi api, string node, IReadOnlySet<string> running, CancellationToken stopping)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(Patience);
        try
        {
            if (await api.FindAsync<Node>("", node, limit.Token) is null)
                return; // It has had no pods yet.
            foreach (var pod in await ShownReadyAsync(api, node, limit.Token))
            {
                if (!running.Contains(pod.Annotations.GetValueOrDefault(StaticUid) ?? pod.Uid))
                    await api.PatchAsync<Pod>(pod.Namespace, pod.Name, "status", NotReady(pod), limit.Token);
            }
        }
        catch (Exception fault) when (fault is IOException or ApiException or OperationCanceledException && !stopping.IsCancellationRequested)
        {
            // See above.
        }
    }

    public void Changed(Pod value)
    {
        if (!_allTold.Task.IsCompleted && value.Status.Conditions is { } conditions && conditions.Exists(condition => condition is { Type: "Ready", Status: "True" }))
            _shownReady.Add(value);
    }

    public void Deleted(Pod value)
    {
    }

    public void Synced() => _allTold.TrySetResult();

    private static async Task<IReadOnlyList<Pod>> ShownReadyAsync(IKubeletApi api, string node, CancellationToken ct)
    {
        var pods = new FormerPods();
        using var following = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var watch = api.WatchPodsAsync(node, pods, following.Token);
        await Task.WhenAny(pods._allTold.Task, watch);
        await following.CancelAsync();
        try
        {
            await watch;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // All have been told.
        }
        return pods._shownReady;
    }

    /// <remarks>Without a reason: the kubelet's report a moment later is merged with it and would not take it away.</remarks>
    private static byte[] NotReady(Pod pod)
    {
        var now = DateTimeOffset.UtcNow;
        var status = new PodStatus
        {
            Conditions = [.. ((string[])["Ready", "ContainersReady"]).Select(type => new PodCondition { Type = type, Status = "False", LastTransitionTime = now })],
            ContainerStatuses = pod.Status.DeepClone().ContainerStatuses,
        };
        foreach (var container in status.ContainerStatuses ?? [])
            container.Ready = container.Started = false;
        return JsonSerializer.SerializeToUtf8Bytes(new JsonObject
        {
            ["metadata"] = new JsonObject { ["uid"] = pod.Uid }, // Not its successor of the same name.
            ["status"] = JsonNode.Parse(KubernetesJson.Serialize(status)),
        });
    }
}
