using Orchestrator.Control.PodGarbage;

namespace Orchestrator.Control.Tests.PodGarbage;

public sealed class PodGarbageCollectorTests
{
    private readonly FakeCluster _cluster = new FakeCluster().With(Make.Node("node-1"));
    private readonly ControllerDescription _collector = PodGarbageCollector.Describe(endedLimit: 2);
    private object? _memory;

    private IEnumerable<string> Names => _cluster.List<Pod>().Select(pod => pod.Name).Order();

    private void Look() => _memory = _cluster.Reconcile(_collector, ControllerDescription.WholeKey, _memory).Memory;

    [Fact]
    public void Of_ended_pods_the_oldest_go_beyond_the_limit()
    {
        for (int i = 0; i < 4; i++)
            _cluster.With(Make.Pod($"p{i}").Phase(i % 2 == 0 ? "Succeeded" : "Failed")
                .With(pod => pod.Metadata.CreationTimestamp = Make.Start.AddMinutes(-i)));
        _cluster.With(Make.Pod("running"));

        Look();

        Assert.Equal(["p0", "p1", "running"], Names);
    }

    [Fact]
    public void Pods_of_a_node_that_is_gone_go_after_a_while()
    {
        _cluster.With(Make.Pod("lost", node: "gone").Ready(), Make.Pod("here").Ready());
        Look();
        Assert.Equal(["here", "lost"], Names);
        _cluster.Now += TimeSpan.FromSeconds(40);

        Look();

        Assert.Equal(["here"], Names);
        var patch = Assert.Single(_cluster.Done.OfType<Patch>());
        Assert.Contains("\"phase\":\"Failed\"", patch.Body);
        Assert.Contains("PodGC: node no longer exists", patch.Body);
    }

    [Fact]
    public void A_node_that_only_the_cache_lacks_keeps_its_pods()
    {
        _cluster.With(Make.Pod("pod", node: "late").Ready());
        Look();
        _cluster.Now += TimeSpan.FromSeconds(60);
        var input = new ReconcileInput
        {
            Key = ControllerDescription.WholeKey, Cache = _cluster, Now = _cluster.Now, Memory = _memory,
        };
        var get = (Lookup.Get)Assert.Single(_collector.Reconcile(input).Lookups);

        var decision = _collector.Reconcile(input with
        {
            Found = new Findings { Objects = new Dictionary<Lookup.Get, IKubernetesObject?> { [get] = Make.Node("late") } },
        });

        Assert.Empty(decision.Intents);
    }

    [Fact]
    public void A_pod_that_never_got_a_node_goes_when_it_is_deleted()
    {
        _cluster.With(Make.Pod("waiting", node: null).Phase("Pending").With(pod =>
        {
            pod.Metadata.DeletionTimestamp = _cluster.Now;
            pod.Metadata.Finalizers = null;
        }));

        Look();

        Assert.Empty(_cluster.List<Pod>());
    }

    [Fact]
    public void Pods_that_are_going_are_taken_from_a_node_out_of_service()
    {
        _cluster.With(Make.Node("dead", "Unknown", new Taint { Key = "node.kubernetes.io/out-of-service", Effect = "NoExecute" }),
            Make.Pod("going", node: "dead").With(pod => pod.Metadata.DeletionTimestamp = _cluster.Now),
            Make.Pod("staying", node: "dead"));

        Look();

        Assert.Equal(["staying"], Names);
    }
}
