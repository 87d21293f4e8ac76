using Orchestrator.Control.Namespaces;

namespace Orchestrator.Control.Tests.Namespaces;

public sealed class NamespaceControllerTests
{
    private static readonly NamespacedName Key = new("", "team");

    private readonly FakeCluster _cluster = new();

    private static Namespace Going(params string[] finalizers) => new()
    {
        Metadata = new ObjectMeta { Name = "team", Uid = "ns-team", DeletionTimestamp = Make.Start },
        Spec = new NamespaceSpec { Finalizers = [.. finalizers] },
        Status = new NamespaceStatus { Phase = "Terminating" },
    };

    private static T In<T>(T item, string name) where T : IKubernetesObject
    {
        item.Metadata.Namespace = "team";
        item.Metadata.Name = name;
        return item;
    }

    private Decision Look(object? memory = null) => _cluster.Reconcile(NamespaceController.Description, Key, memory);

    [Fact]
    public void Everything_in_it_goes_and_then_the_namespace_itself()
    {
        _cluster.With(Going("kubernetes"), In(new ConfigMap(), "config"), In(new Secret(), "secret"),
            In(Make.Deployment(), "web"), Make.Pod("elsewhere"));

        Look();

        Assert.Null(_cluster.Get<Namespace>("", "team"));
        Assert.Empty(_cluster.List<ConfigMap>());
        Assert.Empty(_cluster.List<Deployment>());
        Assert.Single(_cluster.List<Pod>());
    }

    [Fact]
    public void Pods_go_before_all_else_and_the_conditions_tell_what_remains()
    {
        _cluster.With(Going("kubernetes"), In(new ConfigMap(), "config"), In(Make.Pod("busy"), "busy"));

        var decision = Look();

        Assert.NotNull(_cluster.Get<Namespace>("", "team"));
        Assert.NotNull(decision.RequeueAt);
        Assert.Single(_cluster.List<ConfigMap>());
        Assert.True(_cluster.Get<Pod>("team", "busy")!.IsBeingDeleted);
        var conditions = _cluster.Get<Namespace>("", "team")!.Status.Conditions!.ToDictionary(c => c.Type!);
        Assert.Equal(("True", "SomeResourcesRemain",
                "Some resources are remaining: configmaps. has 1 resource instances, pods. has 1 resource instances"),
            (conditions["NamespaceContentRemaining"].Status, conditions["NamespaceContentRemaining"].Reason,
                conditions["NamespaceContentRemaining"].Message));
        Assert.Equal("False", conditions["NamespaceFinalizersRemaining"].Status);

        _cluster.Remove(_cluster.Get<Pod>("team", "busy")!);
        Look(decision.Memory);

        Assert.Null(_cluster.Get<Namespace>("", "team"));
    }

    [Fact]
    public void What_a_finalizer_holds_is_named()
    {
        var held = In(new ConfigMap(), "held");
        held.Metadata.Finalizers = ["example.com/hold"];
        _cluster.With(Going("kubernetes"), held);

        var first = Look();
        var second = Look(first.Memory);

        var condition = _cluster.Get<Namespace>("", "team")!.Status.Conditions!.Single(c => c.Type == "NamespaceFinalizersRemaining");
        Assert.Equal(("True", "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"),
            (condition.Status, condition.Message));
        Assert.True(second.RequeueAt > first.RequeueAt);
    }

    [Fact]
    public void While_the_api_cannot_tell_what_is_left_the_namespace_stays()
    {
        _cluster.With(Going("kubernetes"));
        var input = new ReconcileInput { Key = Key, Cache = _cluster, Now = _cluster.Now };
        var asked = NamespaceController.Reconcile(input);

        var decision = NamespaceController.Reconcile(input with
        {
            Found = new Findings
            {
                Lists = asked.Lookups.Skip(1).OfType<Lookup.List>().ToDictionary(l => l, _ => (IReadOnlyList<IKubernetesObject>)[]),
                Errors = new Dictionary<Lookup, string> { [asked.Lookups[0]] = "etcd is slow" },
            },
        });

        Assert.DoesNotContain(decision.Intents, intent => intent is Update { Subresource: "finalize" });
    }

    [Fact]
    public void A_namespace_that_is_not_being_deleted_or_that_another_holds_is_left_alone()
    {
        var living = Going("kubernetes");
        living.Metadata.DeletionTimestamp = null;
        _cluster.With(living);
        Assert.Same(Decision.Nothing, Look());

        _cluster.Remove(living);
        _cluster.With(Going("example.com/other"));
        Assert.Same(Decision.Nothing, Look());
    }
}
