using System.Diagnostics;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Control.Scheduling;
using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Queueing;

namespace Orchestrator.Benchmark;

/// <summary>One cluster that is filled: each pod goes through the queue, gets its node, is assumed there and then shown by the
/// API, as in a real cluster.</summary>
internal sealed class SchedulingRun
{
    private const int SetCount = 100;

    private readonly ClusterState _cluster = new();
    private readonly SchedulerProfile _profile = SchedulerProfile.Default(new StorageState());
    private readonly SchedulingQueue _queue;
    private readonly Scheduler _scheduler;
    private readonly Pod[] _pods;
    private readonly long[] _times;

    public SchedulingRun(SchedulingLoad workload, int nodeCount, int podCount)
    {
        _queue = new SchedulingQueue(_profile);
        _scheduler = new Scheduler(_cluster, _profile, seed: 1);
        for (int i = 0; i < nodeCount; i++)
            _cluster.SetNode(MakeNode(i));
        for (int i = 0; i < SetCount; i++)
            AddSet($"app-{i}");
        _pods = [.. Enumerable.Range(0, podCount).Select(i => MakePod(workload, i))];
        _times = new long[podCount];
    }

    public int PlacedCount { get; private set; }

    public void Run()
    {
        var now = DateTimeOffset.UnixEpoch;
        foreach (var pod in _pods)
            _queue.Add(pod, now);
        for (int i = 0; _queue.TryPop(now, out var queued); i++)
        {
            long begin = Stopwatch.GetTimestamp();
            var result = _scheduler.Schedule(queued.Pod);
            if (result.Node is not { } node)
            {
                _queue.Failed(queued, result.Error!.Plugins, now);
                continue;
            }
            _cluster.Assume(queued.Pod, node.Name);
            _times[i] = Stopwatch.GetTimestamp() - begin;
            queued.Pod.Pod.Spec.NodeName = node.Name;
            _cluster.SetPod(queued.Pod.Pod);
            _queue.Remove(queued.Pod.Uid);
            PlacedCount++;
        }
    }

    public TimeSpan Percentile(double part)
    {
        Array.Sort(_times);
        return Stopwatch.GetElapsedTime(0, _times[(int)((_times.Length - 1) * part)]);
    }

    private static Node MakeNode(int i)
    {
        var node = new Node
        {
            Metadata = new ObjectMeta
            {
                Name = $"node-{i}",
                Labels = new Dictionary<string, string>
                {
                    ["kubernetes.io/hostname"] = $"node-{i}",
                    ["topology.kubernetes.io/zone"] = $"zone-{i % 3}",
                    ["kubernetes.io/os"] = "linux",
                },
            },
        };
        node.Status.Allocatable = new Dictionary<string, Quantity>
        {
            ["cpu"] = Quantity.Parse("32"),
            ["memory"] = Quantity.Parse("64Gi"),
            ["pods"] = Quantity.Parse("110"),
        };
        return node;
    }

    private void AddSet(string app)
    {
        var labels = new Dictionary<string, string> { ["app"] = app };
        _cluster.SetOwner("ReplicaSet", new NamespacedName("default", app), new LabelSelector { MatchLabels = labels });
        _cluster.SetService(new Service
        {
            Metadata = new ObjectMeta { Namespace = "default", Name = app },
            Spec = new ServiceSpec { Selector = labels },
        });
    }

    private static Pod MakePod(SchedulingLoad workload, int i)
    {
        string app = $"app-{i % SetCount}";
        var pod = new Pod
        {
            Metadata = new ObjectMeta
            {
                Name = $"{app}-{i}",
                Namespace = "default",
                Uid = $"uid-{i}",
                Generation = 1,
                Labels = new Dictionary<string, string> { ["app"] = app, ["pod-template-hash"] = "abc" },
                OwnerReferences =
                    [new OwnerReference { ApiVersion = "apps/v1", Kind = "ReplicaSet", Name = app, Uid = app, Controller = true }],
            },
        };
        pod.Spec.Containers =
        [
            new Container
            {
                Name = "c",
                Image = "image",
                Resources = new ResourceRequirements
                {
                    Requests = new Dictionary<string, Quantity> { ["cpu"] = Quantity.Parse("100m"), ["memory"] = Quantity.Parse("200Mi") },
                },
            },
        ];
        pod.Spec.Tolerations =
        [
            new Toleration { Key = "node.kubernetes.io/not-ready", Operator = "Exists", Effect = "NoExecute", TolerationSeconds = 300 },
            new Toleration { Key = "node.kubernetes.io/unreachable", Operator = "Exists", Effect = "NoExecute", TolerationSeconds = 300 },
        ];
        workload.Shape(pod, app);
        return pod;
    }
}
