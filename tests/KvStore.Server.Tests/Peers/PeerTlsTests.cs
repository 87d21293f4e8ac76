using KvStore.Server.Configuration;
using KvStore.Server.Tests.Tls;
using KvStore.Server.Tls;

namespace KvStore.Server.Tests.Peers;

[Collection(ProcessLogCollection.Name)]
public sealed class PeerTlsTests : IAsyncLifetime
{
    private const string NotAccepted = "most likely it does not accept this member's certificate, and its log says why";

    private readonly TemporaryDirectory _directory = new();
    private readonly TestAuthority _authority = new("peers' CA");
    private readonly CapturedLog _log = new();
    private readonly List<PeerNode> _nodes = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
        _log.Dispose();
        _directory.Dispose();
    }

    /// <summary>A member whose certificate is good for the loopback.</summary>
    private async Task<PeerNode> NodeAsync(ulong id, TestAuthority? issuer = null, string name = "member", params string[] flags)
    {
        string cert = _directory.File($"{id}.pem");
        TestAuthority.Save((issuer ?? _authority).IssuePeer(name), cert, _directory.File($"{id}.key"));
        return await StartAsync(id,
            [$"--peer-cert-file={cert}", $"--peer-key-file={_directory.File($"{id}.key")}", $"--peer-trusted-ca-file={CaFile()}", .. flags]);
    }

    private async Task<PeerNode> StartAsync(ulong id, params string[] flags)
    {
        var options = ConfigurationReader.FromFlags(flags);
        var node = await PeerNode.StartAsync(id, tls: PeerTls.Load(options.PeerTls, ["127.0.0.1"]));
        _nodes.Add(node);
        return node;
    }

    private string CaFile()
    {
        string path = _directory.File("ca.pem");
        File.WriteAllText(path, _authority.Certificate.ExportCertificatePem());
        return path;
    }

    private async Task LoggedAsync(params string[] texts)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (_log.With(texts).Length == 0)
        {
            if (patience.IsCancellationRequested)
                Assert.Fail($"Not in the log: {string.Join(", ", texts)}\n{string.Join('\n', _log.Lines)}");
            await Task.Yield();
        }
    }

    /// <summary>The caller's attempt has come to an end on both sides.</summary>
    private async Task RefusedAsync(PeerNode caller, PeerNode called, string callersLine, string calledLine)
    {
        caller.Knows(called);
        await LoggedAsync("cannot connect to peer, trying again", callersLine);
        await LoggedAsync(calledLine);
        Assert.Null(caller.StatusOf(called).ActiveSince);
    }

    [Fact]
    public async Task Members_with_certificates_of_one_authority_talk()
    {
        var (first, second) = (await NodeAsync(1), await NodeAsync(2));
        first.Knows(second);
        second.Knows(first);

        await first.ReachesAsync(second);
        await second.ReachesAsync(first);
    }

    [Fact]
    public async Task A_caller_with_another_authoritys_certificate_is_refused_and_both_logs_say_why()
    {
        var (good, bad) = (await NodeAsync(1), await NodeAsync(2, new TestAuthority("peers' CA")));

        await RefusedAsync(bad, good, NotAccepted, "the calling peer's certificate is not accepted: ");
        Assert.Single(_log.With("the calling peer's certificate is not accepted"));
    }

    [Fact]
    public async Task A_caller_without_a_certificate_is_refused_and_told_what_to_do()
    {
        var good = await NodeAsync(1);
        var plain = await PeerNode.StartAsync(2);
        _nodes.Add(plain);

        await RefusedAsync(plain, good, "give it --peer-cert-file and --peer-key-file", "cannot connect to peer");
    }

    [Fact]
    public async Task A_called_member_with_another_authoritys_certificate_is_not_trusted()
    {
        var (good, bad) = (await NodeAsync(1), await NodeAsync(2, new TestAuthority("peers' CA")));

        await RefusedAsync(good, bad, "TLS: the called peer's certificate is not accepted: ", "cannot connect to peer");
    }

    [Fact]
    public async Task Only_the_allowed_common_names_are_let_in()
    {
        var guarded = await NodeAsync(1, flags: "--peer-cert-allowed-cn=member,other");
        var (good, bad) = (await NodeAsync(2, name: "member"), await NodeAsync(3, name: "guest"));
        good.Knows(guarded);

        await good.ReachesAsync(guarded);
        await RefusedAsync(bad, guarded, NotAccepted, "it has none of the allowed common names");
    }

    [Fact]
    public async Task Only_the_allowed_host_names_are_let_in()
    {
        var guarded = await NodeAsync(1, flags: "--peer-cert-allowed-hostname=member");
        var (good, bad) = (await NodeAsync(2, name: "member"), await NodeAsync(3, name: "guest"));
        good.Knows(guarded);

        await good.ReachesAsync(guarded);
        await RefusedAsync(bad, guarded, NotAccepted, "it has none of the allowed host names");
    }

    [Fact]
    public async Task A_caller_must_come_from_an_address_that_its_certificate_names_unless_that_is_not_asked()
    {
        var (strict, lax) = (await NodeAsync(1), await NodeAsync(2, flags: "--peer-skip-client-san-verification"));
        string cert = _directory.File("away.pem");
        TestAuthority.Save(_authority.IssuePeer("away.invalid", address: "10.1.2.3"), cert, _directory.File("away.key"));
        var away = await StartAsync(
            3, $"--peer-cert-file={cert}", $"--peer-key-file={_directory.File("away.key")}", $"--peer-trusted-ca-file={CaFile()}");

        away.Knows(lax);
        await away.ReachesAsync(lax);
        await RefusedAsync(
            away, strict, "does not match any of the certificate's addresses [10.1.2.3] and DNS names [away.invalid]", "refused a peer's call");
    }

    [Fact]
    public async Task A_revoked_certificate_is_refused_as_soon_as_the_list_says_so()
    {
        string list = _directory.File("crl.pem");
        File.WriteAllText(list, _authority.Revoke());
        var guarded = await NodeAsync(1, flags: $"--peer-crl-file={list}");
        var caller = await NodeAsync(2);
        caller.Knows(guarded);
        await caller.ReachesAsync(guarded);

        File.WriteAllText(list, _authority.Revoke(_directory.File("2.pem")));
        File.SetLastWriteTimeUtc(list, DateTime.UnixEpoch);
        var again = await StartAsync(
            2, $"--peer-cert-file={_directory.File("2.pem")}", $"--peer-key-file={_directory.File("2.key")}", $"--peer-trusted-ca-file={CaFile()}");

        await RefusedAsync(again, guarded, NotAccepted, "is revoked");
    }

    [Fact]
    public async Task A_renewed_certificate_is_used_for_the_next_call()
    {
        var (guarded, caller) = (await NodeAsync(1, flags: "--peer-cert-allowed-cn=member"), await NodeAsync(2, name: "guest"));
        caller.Knows(guarded);
        await LoggedAsync("it has none of the allowed common names");

        TestAuthority.Save(_authority.IssuePeer("member"), _directory.File("2.pem"), _directory.File("2.key"));
        File.SetLastWriteTimeUtc(_directory.File("2.pem"), DateTime.UnixEpoch);

        await caller.ReachesAsync(guarded);
    }

    [Fact]
    public async Task A_certificate_of_its_own_may_be_used_for_calling()
    {
        TestAuthority.Save(_authority.Issue("caller"), _directory.File("c.pem"), _directory.File("c.key"));
        var caller = await NodeAsync(
            1, flags: [$"--peer-client-cert-file={_directory.File("c.pem")}", $"--peer-client-key-file={_directory.File("c.key")}"]);
        var called = await NodeAsync(2, flags: ["--peer-cert-allowed-cn=caller", "--peer-skip-client-san-verification"]);
        caller.Knows(called);

        await caller.ReachesAsync(called);
    }

    [Fact]
    public async Task Members_may_encrypt_with_certificates_that_they_make_themselves()
    {
        var (first, second) = (await StartAsync(1, "--peer-auto-tls"), await StartAsync(2, "--peer-auto-tls"));
        first.Knows(second);

        await first.ReachesAsync(second);
        Assert.StartsWith("https://", second.Url);
    }
}
