using Orchestrator.Control.ServiceAccounts;

namespace Orchestrator.Control.Tests.ServiceAccounts;

public sealed class ServiceAccountControllerTests
{
    private readonly FakeCluster _cluster = new();
    private readonly ControllerDescription _publisher = RootCertificatePublisher.Describe("PEM");

    private static Namespace New(string phase = "Active") => new()
    {
        Metadata = new ObjectMeta { Name = "team" },
        Status = new NamespaceStatus { Phase = phase },
    };

    [Fact]
    public void A_namespace_gets_its_default_account_and_the_root_certificate()
    {
        _cluster.With(New());

        _cluster.Settle(ServiceAccountController.Description, new NamespacedName("", "team"));
        _cluster.Settle(_publisher, new NamespacedName("", "team"));

        Assert.NotNull(_cluster.Get<ServiceAccount>("team", "default"));
        Assert.Equal("PEM", _cluster.Get<ConfigMap>("team", "kube-root-ca.crt")!.Data!["ca.crt"]);
    }

    [Fact]
    public void A_certificate_that_was_changed_is_put_right()
    {
        _cluster.With(New());
        _cluster.Settle(_publisher, new NamespacedName("", "team"));
        _cluster.Change<ConfigMap>("team", "kube-root-ca.crt", map => map.Data!["ca.crt"] = "forged");

        _cluster.Settle(_publisher, new NamespacedName("", "team"));

        Assert.Equal("PEM", _cluster.Get<ConfigMap>("team", "kube-root-ca.crt")!.Data!["ca.crt"]);
    }

    [Fact]
    public void A_namespace_that_is_ending_gets_nothing()
    {
        _cluster.With(New("Terminating"));

        _cluster.Settle(ServiceAccountController.Description, new NamespacedName("", "team"));
        _cluster.Settle(_publisher, new NamespacedName("", "team"));

        Assert.Empty(_cluster.Done);
    }
}
