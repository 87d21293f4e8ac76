using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Runtime.Hollow;

/// <summary>Many nodes in one process: the kubelets that a real node has, each over a pretend runtime.</summary>
/// <remarks>
/// They share an alarm clock, the writers of status and events, and one server. Each asks the API as its own node. Few of them
/// follow their pods and their node by watches of their own, as kubelets on machines do; many share watches of all pods and nodes,
/// which are the process's own: two watches a node would cost more memory than all the rest of it.
/// </remarks>
public sealed class HollowNodes : IAsyncDisposable, IPodSink, IObjectSink<Node>
{
    /// <summary>More nodes than that share their watches.</summary>
    internal const int OwnWatchesLimit = 32;

    private readonly KubeletServices _services;
    private readonly Dictionary<string, Kubelet.Kubelet> _kubelets = [];
    private readonly CancellationTokenSource _stopping = new();
    private Task _watching = Task.CompletedTask;

    private HollowNodes(KubeletServices services) => _services = services;

    public IReadOnlyCollection<Kubelet.Kubelet> Kubelets => _kubelets.Values;

    /// <summary>Registers all nodes and begins to run their pods.</summary>
    /// <param name="services">Owned by the nodes from now on.</param>
    /// <param name="server">Where their kubelets are reached; they are added to it. Null: nowhere.</param>
    public static async Task<HollowNodes> StartAsync(HollowOptions options, KubeletServices services, KubeletServer? server, CancellationToken ct)
    {
        var nodes = new HollowNodes(services);
        try
        {
            for (int i = 0; i < options.NodeCount; i++)
                nodes.Add(options, i, server);
            await Task.WhenAll(nodes._kubelets.Values.Select(kubelet => kubelet.StartAsync(ct)));
            nodes._watching = Task.Run(() => nodes.WatchAsync(nodes._stopping.Token), CancellationToken.None);
            return nodes;
        }
        catch
        {
            await nodes.DisposeAsync();
            throw;
        }
    }

    public void Changed(Pod pod)
    {
        if (_kubelets.TryGetValue(pod.Spec.NodeName ?? "", out Kubelet.Kubelet? kubelet))
            kubelet.Changed(pod);
    }

    public void Deleted(Pod pod)
    {
        if (_kubelets.TryGetValue(pod.Spec.NodeName ?? "", out Kubelet.Kubelet? kubelet))
            kubelet.Deleted(pod);
    }

    void IObjectSink<Pod>.Synced()
    {
        foreach (IPodSink kubelet in _kubelets.Values)
            kubelet.Synced();
    }

    public void Changed(Node value)
    {
        if (_kubelets.TryGetValue(value.Name, out Kubelet.Kubelet? kubelet))
            kubelet.Changed(value);
    }

    public void Deleted(Node value)
    {
        if (_kubelets.TryGetValue(value.Name, out Kubelet.Kubelet? kubelet))
            kubelet.Deleted(value);
    }

    void IObjectSink<Node>.Synced()
    {
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _watching;
        foreach (Kubelet.Kubelet kubelet in _kubelets.Values)
            await kubelet.DisposeAsync();
        await _services.DisposeAsync();
    }

    private void Add(HollowOptions options, int index, KubeletServer? server)
    {
        var runtime = new PretendRuntime(options, _services.Alarms, index);
        var kubelet = new Kubelet.Kubelet(
            new KubeletOptions
            {
                NodeName = options.NodeName(index),
                NodeIp = options.NodeIp,
                Port = server?.Port ?? 10250,
                Labels = options.Labels,
                OperatingSystemImage = "hollow",
            },
            _services,
            runtime,
            new PretendImages(),
            runtime);
        _kubelets[kubelet.Options.NodeName] = kubelet;
        server?.Add(kubelet);
    }

    private async Task WatchAsync(CancellationToken ct)
    {
        try
        {
            await (_kubelets.Count <= OwnWatchesLimit
                ? Task.WhenAll(_kubelets.Values.Select(kubelet => kubelet.FollowAsync(ct)))
                : Task.WhenAll(_services.Api.WatchPodsAsync(null, this, ct), _services.Api.WatchAsync<Node>(null, this, ct)));
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }
}
