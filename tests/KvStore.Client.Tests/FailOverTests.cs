using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using KvStore.Client.Tests.Servers;
using KvStore.Client.Tests.Support;
using KvStore.Grpc;
using KvStore.Protocol;
using KvStore.Testing;

namespace KvStore.Client.Tests;

/// <summary>Several endpoints, some of them ill.</summary>
public class FailOverTests
{
    [Fact]
    public async Task A_write_goes_to_the_next_endpoint_where_the_first_is_dead()
    {
        await using var server = await new ScriptedServer().StartAsync();
        await using var client = Clients.Of(DeadUrl(), server.Url);

        await client.Kv.PutAsync("a", "1").Soon();

        Assert.Equal(server.Url, client.CurrentEndpoint);
        Assert.Equal(1, server.CountOf("Put"));
    }

    [Fact]
    public async Task A_write_goes_to_the_next_endpoint_where_the_first_is_a_black_hole()
    {
        using var blackHole = new TcpListener(IPAddress.Loopback, 0);
        blackHole.Start();
        await using var server = await new ScriptedServer().StartAsync();
        await using var client = Clients.Of($"http://{blackHole.LocalEndpoint}", server.Url);

        await client.Kv.PutAsync("a", "1").Soon();

        Assert.Equal(1, server.CountOf("Put"));
    }

    [Fact]
    public async Task A_write_that_finds_no_connection_is_made_elsewhere_and_one_that_was_sent_is_not()
    {
        await using var first = await new ScriptedServer().StartAsync();
        await using var second = await new ScriptedServer().StartAsync();
        await using var proxy = new FaultProxy(first.EndPoint);
        await using var client = Clients.Of(proxy.Url, second.Url);
        await PreferAsync(client, proxy.Url, second);

        // The connection is reset while the answer is awaited.
        first.OnPut = async (_, context) =>
        {
            proxy.Cut();
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
            return new PutResponse();
        };
        await Assert.ThrowsAsync<UnknownOutcomeException>(() => client.Kv.PutAsync("a", "1").Soon());
        await client.Kv.PutAsync("a", "2").Soon();

        Assert.Equal(1, first.CountOf("Put"));
        Assert.Equal(1, second.CountOf("Put"));
    }

    [Fact]
    public async Task A_read_leaves_an_endpoint_that_has_gone_silent()
    {
        await using var first = await new ScriptedServer().StartAsync();
        await using var second = await new ScriptedServer().StartAsync();
        await using var proxy = new FaultProxy(first.EndPoint);
        await using var client = new EtcdClient(new ClientOptions
        {
            Endpoints = [proxy.Url, second.Url],
            SilenceLimit = TimeSpan.FromMilliseconds(200),
            ConnectTimeout = TimeSpan.FromMilliseconds(500),
            CallTimeout = TimeSpan.FromSeconds(60),
        });
        await PreferAsync(client, proxy.Url, second);

        proxy.Stall();
        await client.Kv.GetAsync("a").Soon();

        Assert.Equal(second.Url, client.CurrentEndpoint);
    }

    [Fact]
    public async Task A_read_that_is_slow_at_a_live_endpoint_stays_there()
    {
        var answer = new TaskCompletionSource<RangeResponse>();
        await using var first = await new ScriptedServer { OnRange = (_, _) => answer.Task }.StartAsync();
        await using var proxy = new FaultProxy(first.EndPoint);
        await using var client = new EtcdClient(new ClientOptions
        {
            Endpoints = [proxy.Url],
            SilenceLimit = TimeSpan.FromMilliseconds(50),
        });

        var reading = client.Kv.GetAsync("a");
        await Waiting.Until(() => first.CountOf("Range") == 1);
        long probed = proxy.ForwardedBytes;
        // It is asked whether it lives, and does.
        await Waiting.Until(() => proxy.ForwardedBytes > probed + 200);
        answer.SetResult(new RangeResponse());
        await reading.Soon();

        Assert.Equal(1, first.CountOf("Range"));
    }

    [Fact]
    public async Task No_endpoint_at_all_is_Unavailable_in_time_and_says_why_for_each()
    {
        string first = DeadUrl(), second = DeadUrl();
        await using var client = Clients.Of(first, second);
        var soon = new RequestOptions { Timeout = TimeSpan.FromMilliseconds(500) };

        var read = await Assert.ThrowsAsync<EtcdException>(() => client.Kv.GetAsync("a", soon).Soon());
        var write = await Assert.ThrowsAsync<EtcdException>(() => client.Kv.PutAsync("a", "1", options: soon).Soon());

        Assert.Equal((StatusCode.Unavailable, StatusCode.Unavailable), (read.Code, write.Code));
        Assert.Contains($"{first}: can not connect", read.Message);
        Assert.Contains($"{second}: can not connect", read.Message);
    }

    [Fact]
    public async Task An_endpoint_that_comes_back_is_found_again()
    {
        await using var server = await new ScriptedServer().StartAsync();
        await using var proxy = new FaultProxy(server.EndPoint) { IsRefusing = true };
        await using var client = Clients.Of(proxy.Url);
        await Assert.ThrowsAsync<EtcdException>(
            () => client.Kv.PutAsync("a", "1", options: new RequestOptions { Timeout = TimeSpan.FromMilliseconds(300) }).Soon());

        proxy.IsRefusing = false;
        await client.Kv.PutAsync("a", "1").Soon();

        Assert.Equal(1, server.CountOf("Put"));
    }

    [Fact]
    public async Task A_learner_sends_its_clients_elsewhere()
    {
        await using var learner = await new ScriptedServer
        {
            OnPut = (_, _) => throw ScriptedServer.Refusal(StatusCode.FailedPrecondition, EtcdErrors.NotSupportedForLearner),
        }.StartAsync();
        await using var voter = await new ScriptedServer().StartAsync();
        await using var client = Clients.Of(learner.Url, voter.Url);
        await PreferAsync(client, learner.Url, voter);

        await client.Kv.PutAsync("a", "1").Soon();

        Assert.Equal(1, voter.CountOf("Put"));
    }

    [Fact]
    public async Task A_call_to_one_endpoint_is_made_there_once()
    {
        await using var first = await new ScriptedServer().StartAsync();
        await using var second = await new ScriptedServer
        {
            OnRange = (_, _) => throw ScriptedServer.Refusal(StatusCode.Unavailable, EtcdErrors.NoLeader),
        }.StartAsync();
        await using var client = Clients.Of(first.Url, second.Url);

        var refused = await Assert.ThrowsAsync<EtcdException>(
            () => client.Kv.GetAsync("a", new RequestOptions { Endpoint = second.Url }).Soon());

        Assert.True(refused.Is(EtcdErrors.NoLeader));
        Assert.Equal((0, 1), (first.CountOf("Range"), second.CountOf("Range")));
        await Assert.ThrowsAsync<ArgumentException>(
            () => client.Kv.GetAsync("a", new RequestOptions { Endpoint = "http://elsewhere:1" }).Soon());
    }

    [Fact]
    public async Task Endpoints_are_learnt_from_the_cluster()
    {
        await using var first = await new ScriptedServer().StartAsync();
        await using var second = await new ScriptedServer().StartAsync();
        first.OnMemberList = (_, _) => Task.FromResult(new MemberListResponse
        {
            Members =
            {
                new Member { Name = "second", ClientURLs = { second.Url } },
                new Member { Name = "learner", ClientURLs = { "http://127.0.0.1:1" }, IsLearner = true },
                new Member { Name = "", ClientURLs = { "http://127.0.0.1:2" } },
            },
        });
        await using var client = new EtcdClient(new ClientOptions
        {
            Endpoints = [first.Url],
            EndpointSyncInterval = TimeSpan.FromMilliseconds(50),
        });

        await Waiting.Until(() => client.Endpoints.SequenceEqual([second.Url]));
        await client.Kv.PutAsync("a", "1").Soon();

        Assert.Equal(1, second.CountOf("Put"));
    }

    [Fact]
    public async Task A_unix_socket_is_an_endpoint_too()
    {
        string path = Path.Combine(Path.GetTempPath(), $"kvstore-client-{Guid.NewGuid():n}.sock");
        await using var server = await new ScriptedServer().StartAsync(GrpcListenEndpoint.Unix(path));
        await using var client = Clients.Of($"unix:{path}");

        await client.Kv.PutAsync("a", "1").Soon();

        Assert.Equal(1, server.CountOf("Put"));
    }

    [Fact]
    public async Task A_member_without_a_leader_is_passed_over_but_not_taken_for_dead()
    {
        await using var first = await new ScriptedServer
        {
            OnRange = (request, _) => request.Serializable
                ? Task.FromResult(new RangeResponse())
                : throw ScriptedServer.Refusal(StatusCode.Unavailable, "etcdserver: request timed out"),
        }.StartAsync();
        await using var client = new EtcdClient(new ClientOptions
        {
            Endpoints = [first.Url],
            MinBackOff = TimeSpan.FromSeconds(40), // Who rests that long is missed.
            MaxBackOff = TimeSpan.FromSeconds(40),
        });
        // Connected already, it is refused well within the time, again and again.
        await client.Kv.RangeAsync(new RangeRequest { Serializable = true }).Soon();
        var soon = new RequestOptions { Timeout = TimeSpan.FromSeconds(2) };

        var refused = await Assert.ThrowsAsync<EtcdException>(() => client.Kv.GetAsync("a", soon).Soon());
        await client.Kv.RangeAsync(new RangeRequest { Serializable = true }).Soon();

        Assert.True(refused.Is("etcdserver: request timed out"));
    }

    [Fact]
    public async Task What_a_member_said_is_told_when_the_time_is_up_in_the_midst_of_a_later_attempt()
    {
        int attempts = 0;
        await using var server = await new ScriptedServer
        {
            OnRange = async (_, context) =>
            {
                int attempt = Interlocked.Increment(ref attempts);
                if (attempt == 1)
                    return new RangeResponse();
                if (attempt == 2)
                    throw ScriptedServer.Refusal(StatusCode.Unavailable, "etcdserver: request timed out");
                await Task.Delay(Timeout.Infinite, context.CancellationToken);
                throw new InvalidOperationException("the wait has no end of its own");
            },
        }.StartAsync();
        await using var client = new EtcdClient(new ClientOptions
        {
            Endpoints = [server.Url],
            MinBackOff = TimeSpan.FromMilliseconds(1),
            MaxBackOff = TimeSpan.FromMilliseconds(1),
        });

        await client.Kv.GetAsync("a").Soon(); // The connection's time is not the request's.

        var refused = await Assert.ThrowsAsync<EtcdException>(
            () => client.Kv.GetAsync("a", new RequestOptions { Timeout = TimeSpan.FromSeconds(2) }).Soon());

        Assert.Equal(3, attempts);
        Assert.True(refused.Is("etcdserver: request timed out"));
    }

    [Fact]
    public async Task An_endpoint_with_TLS_is_trusted_or_not()
    {
        using var certificate = SelfSigned();
        await using var server = await new ScriptedServer().StartAsync(GrpcListenEndpoint.Tcp(IPAddress.Loopback, 0) with
        {
            Tls = new GrpcTlsOptions
            {
                CertificateSelector = _ => SslStreamCertificateContext.Create(certificate, null, offline: true),
            },
        });
        string address = server.EndPoint.ToString();
        await using var trusting = new EtcdClient(new ClientOptions
        {
            Endpoints = [address],
            Tls = new SslClientAuthenticationOptions
            {
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust,
                    CustomTrustStore = { certificate },
                    RevocationMode = X509RevocationMode.NoCheck,
                },
            },
        });
        await using var doubting = Clients.Of($"https://{address}");

        await trusting.Kv.PutAsync("a", "1").Soon();
        var refused = await Assert.ThrowsAsync<EtcdException>(
            () => doubting.Kv.PutAsync("a", "1", options: new RequestOptions { Timeout = TimeSpan.FromSeconds(1) }).Soon());

        Assert.Equal((StatusCode.Unavailable, 1), (refused.Code, server.CountOf("Put")));
        Assert.Contains("certificate", refused.Message);
    }

    [Fact]
    public async Task Who_uses_a_client_after_its_end_is_told()
    {
        await using var server = await new ScriptedServer().StartAsync();
        var client = Clients.Of(server.Url);
        await client.Kv.PutAsync("a", "1").Soon();
        await client.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.Kv.PutAsync("a", "1").Soon());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.Watch.StartAsync("a").Soon());
    }

    /// <summary>Makes an endpoint the one that serves: all others refuse once.</summary>
    private static async Task PreferAsync(EtcdClient client, string url, params ScriptedServer[] others)
    {
        var usual = others.Select(other => other.OnRange).ToArray();
        foreach (var other in others)
            other.OnRange = (_, _) => throw ScriptedServer.Refusal(StatusCode.Unavailable, EtcdErrors.NoLeader);
        await client.Kv.GetAsync("a").Soon();
        Assert.Equal(url, client.CurrentEndpoint);
        for (int i = 0; i < others.Length; i++)
            others[i].OnRange = usual[i];
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        // With a key that is not bound to this object's life.
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }

    private static string DeadUrl()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return $"http://{listener.LocalEndpoint}";
    }
}
