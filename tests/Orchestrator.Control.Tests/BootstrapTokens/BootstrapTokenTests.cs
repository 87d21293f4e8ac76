using Orchestrator.Control.BootstrapTokens;

namespace Orchestrator.Control.Tests.BootstrapTokens;

public sealed class BootstrapTokenTests
{
    private const string Hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [Fact]
    public void A_token_comes_back_from_its_secret()
    {
        var token = new BootstrapToken("abcdef", "0123456789abcdef") { Expiration = Make.Start, Description = "second machine" };

        var secret = token.ToSecret();

        Assert.Equal(token, BootstrapToken.Of(secret));
        Assert.Equal(("kube-system", "bootstrap-token-abcdef", "bootstrap.kubernetes.io/token"), (secret.Namespace, secret.Name, secret.Type));
        Assert.Equal("2026-03-04T12:00:00Z", BootstrapToken.TextOf(secret, "expiration"));
        Assert.Equal("true", BootstrapToken.TextOf(secret, "usage-bootstrap-authentication"));
    }

    [Fact]
    public void What_joins_a_machine_names_the_authority_and_the_token()
    {
        string text = $"K10{Hash}::abcdef.0123456789abcdef";

        var token = JoinToken.Parse(text + "\n", out _);

        Assert.Equal((Hash, "abcdef", "0123456789abcdef"), (token!.AuthorityHash, token.Token.Id, token.Token.Secret));
        Assert.Equal(text, token.ToString());
    }

    [Theory]
    [InlineData("abcdef.0123456789abcdef", "lacks the hash")]
    [InlineData("", "has not the form")]
    [InlineData("K10" + Hash + "::abcdef", "has not the form")]
    [InlineData("K10" + Hash + "::server:secret", "has not the form")]
    [InlineData("K1000::abcdef.0123456789abcdef", "has not the form")]
    [InlineData("K10" + Hash + "::ABCDEF.0123456789abcdef", "has not the form")]
    public void Anything_else_is_refused_with_what_it_lacks(string text, string problem)
    {
        Assert.Null(JoinToken.Parse(text, out string said));

        Assert.StartsWith(problem, said);
    }

    [Fact]
    public void A_token_is_taken_away_when_its_time_is_over_and_not_before()
    {
        var cluster = new FakeCluster();
        var secret = new BootstrapToken("abcdef", "0123456789abcdef") { Expiration = cluster.Now.AddHours(1) }.ToSecret();
        cluster.With(secret);

        var before = cluster.Reconcile(BootstrapTokenCleaner.Description, secret.Key);
        cluster.Now = cluster.Now.AddHours(1);
        cluster.Reconcile(BootstrapTokenCleaner.Description, secret.Key);

        Assert.Equal((0, cluster.Now), (before.Intents.Count, before.RequeueAt));
        Assert.Empty(cluster.List<Secret>());
    }

    [Fact]
    public void A_token_without_an_end_and_other_secrets_stay()
    {
        var cluster = new FakeCluster();
        var lasting = new BootstrapToken("abcdef", "0123456789abcdef").ToSecret();
        var other = new BootstrapToken("ghijkl", "0123456789abcdef") { Expiration = cluster.Now.AddDays(-1) }.ToSecret();
        other.Type = "Opaque";
        cluster.With(lasting, other);

        cluster.Reconcile(BootstrapTokenCleaner.Description, lasting.Key);
        cluster.Reconcile(BootstrapTokenCleaner.Description, other.Key);

        Assert.Equal(2, cluster.List<Secret>().Count);
    }
}
