using Orchestrator.Control.ServiceAccounts;

namespace Orchestrator.Control.Tests.ServiceAccounts;

public sealed class TokenSecretControllerTests
{
    private static readonly NamespacedName Key = new(Make.Ns, "token");

    private readonly FakeCluster _cluster = new();
    private readonly ControllerDescription _controller = TokenSecretController.Describe("PEM");

    private static ServiceAccount Account(string uid = "u") => new() { Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "robot", Uid = uid } };

    private static Secret Secret(string? uid = null, Dictionary<string, byte[]>? data = null) => new()
    {
        Metadata = new ObjectMeta
        {
            Namespace = Make.Ns, Name = "token", Uid = "s", ResourceVersion = "7",
            Annotations = uid is null
                ? new() { ["kubernetes.io/service-account.name"] = "robot" }
                : new() { ["kubernetes.io/service-account.name"] = "robot", ["kubernetes.io/service-account.uid"] = uid },
        },
        Type = TokenSecretController.SecretType,
        Data = data,
    };

    private IReadOnlyList<Intent> Intents()
    {
        var input = new ReconcileInput { Key = Key, Cache = _cluster, Now = _cluster.Now };
        var decision = _controller.Reconcile(input);
        return decision.Lookups.Count == 0
            ? decision.Intents
            : _controller.Reconcile(input with { Found = _cluster.LookUp(decision.Lookups) }).Intents;
    }

    [Fact]
    public void A_new_secret_gets_all_that_it_is_for()
    {
        _cluster.With(Account(), Secret());

        var filled = Assert.IsType<IssueToken>(Assert.Single(Intents())).Secret;

        Assert.Equal("PEM"u8.ToArray(), filled.Data!["ca.crt"]);
        Assert.Equal(Make.Ns, System.Text.Encoding.UTF8.GetString(filled.Data["namespace"]));
        Assert.Equal("u", filled.Annotations["kubernetes.io/service-account.uid"]);
    }

    [Fact]
    public void A_token_that_is_there_is_kept_when_the_certificates_change()
    {
        _cluster.With(Account(), Secret("u", new() { ["token"] = [1], ["ca.crt"] = [2], ["namespace"] = [3] }));

        var written = (Secret)Assert.IsType<Update>(Assert.Single(Intents())).Object;

        Assert.Equal([1], written.Data!["token"]);
        Assert.Equal("PEM"u8.ToArray(), written.Data["ca.crt"]);
    }

    [Fact]
    public void A_whole_secret_is_left_alone()
    {
        _cluster.With(Account(), Secret("u", new() { ["token"] = [1], ["ca.crt"] = [.. "PEM"u8], ["namespace"] = [3] }));

        Assert.Empty(Intents());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_secret_goes_with_its_account_even_if_one_of_that_name_comes_again(bool comesAgain)
    {
        _cluster.With(Secret("u"));
        if (comesAgain)
            _cluster.With(Account("another"));

        Assert.Equal("token", Assert.IsType<Delete>(Assert.Single(Intents())).Target.Name);
    }

    [Fact]
    public void The_end_of_an_account_wakes_its_secrets_alone()
    {
        var other = Secret();
        other.Metadata.Name = "other";
        other.Metadata.Annotations!["kubernetes.io/service-account.name"] = "somebody";
        _cluster.With(Secret("u"), other);
        var watch = _controller.Watches.Single(watch => watch.Kind == ServiceAccount.StaticKind);

        Assert.Equal([Key], watch.Keys(new ObjectChange(Account(), null), _cluster));
        Assert.Empty(watch.Keys(new ObjectChange(Account(), Account()), _cluster));
    }
}
