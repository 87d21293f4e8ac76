using System.Net;
using System.Net.Sockets;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Control.Dns;
using Orchestrator.Control.Tests.Dns;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Dns;
using EndpointPort = Orchestrator.Api.DiscoveryV1.EndpointPort;

namespace Orchestrator.Runtime.Tests.Dns;

/// <summary>The name server over real sockets, with a cluster and other servers in memory.</summary>
public sealed class ClusterDnsTests
{
    private static readonly IPEndPoint AnyPort = new(IPAddress.Loopback, 0);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Until a server that answers is given up: each test waits for one that does not.</summary>
    private static readonly TimeSpan AsLongAsABusyMachineTakes = TimeSpan.FromSeconds(3);

    private readonly PretendObjects _objects = new();

    [Fact]
    public async Task What_changes_in_the_cluster_is_answered()
    {
        _objects.Put(Namespace("default")).Put(Service("web", "10.96.0.20")).Put(Service("db", "None")).Open();
        await using ClusterDns dns = await StartAsync();
        IPEndPoint server = Assert.Single(dns.EndPoints);
        await dns.WaitForSyncAsync(new CancellationTokenSource(Patience).Token);

        string first = await DnsClient.AskAsync(server, "web.default.svc.cluster.local");
        string denied = await DnsClient.AskAsync(server, "db.default.svc.cluster.local");
        _objects.Put(Slice("db-1", "db", "10.244.0.7"));
        await BecomesAsync("NoError\ndb.default.svc.cluster.local. 5 A 10.244.0.7", () => DnsClient.AskAsync(server, "db.default.svc.cluster.local"));
        _objects.Put(Slice("db-1", "web", "10.244.0.7")); // The slice goes over to another service.
        await BecomesAsync(denied, () => DnsClient.AskAsync(server, "db.default.svc.cluster.local"));
        await BecomesAsync(
            "NoError\n7.0.244.10.in-addr.arpa. 5 PTR 10-244-0-7.web.default.svc.cluster.local.",
            () => DnsClient.AskAsync(server, "7.0.244.10.in-addr.arpa", DnsType.Ptr));
        _objects.Erase(Service("web", "10.96.0.20"));
        await BecomesAsync("NameError", async () => (await DnsClient.AskAsync(server, "web.default.svc.cluster.local")).Split('\n')[0]);
        _objects.Put(Namespace("later"));
        await BecomesAsync("NoError", async () => (await DnsClient.AskAsync(server, "later.svc.cluster.local")).Split('\n')[0]);

        Assert.Equal("NoError\nweb.default.svc.cluster.local. 5 A 10.96.0.20", first);
        Assert.StartsWith("NameError", denied);
    }

    [Fact]
    public async Task Nothing_is_denied_before_the_cluster_is_known()
    {
        _objects.Put(Namespace("default")).Put(Service("web", "10.96.0.20"));
        await using ClusterDns dns = await StartAsync();

        string early = await DnsClient.AskAsync(dns.EndPoints[0], "web.default.svc.cluster.local");
        _objects.Open();
        await dns.WaitForSyncAsync(new CancellationTokenSource(Patience).Token);
        string late = await DnsClient.AskAsync(dns.EndPoints[0], "web.default.svc.cluster.local");

        Assert.Equal("ServerFailure", early);
        Assert.Equal("NoError\nweb.default.svc.cluster.local. 5 A 10.96.0.20", late);
    }

    [Fact]
    public async Task Long_answers_come_over_tcp_and_several_over_one_connection()
    {
        string[] addresses = [.. Enumerable.Range(0, 200).Select(i => $"10.244.1.{i}")];
        _objects.Put(Namespace("default")).Put(Service("many", "None")).Put(Slice("many-1", "many", addresses)).Open();
        await using ClusterDns dns = await StartAsync();
        await dns.WaitForSyncAsync(new CancellationTokenSource(Patience).Token);
        byte[] question = Dig.Question("many.default.svc.cluster.local", DnsType.A);

        DnsMessage cut = await DnsClient.AskUdpAsync(dns.EndPoints[0], question);
        DnsMessage[] whole = await DnsClient.AskTcpAsync(dns.EndPoints[0], question, Dig.Question("default.svc.cluster.local", DnsType.A), question);

        Assert.True(cut.IsTruncated);
        Assert.Equal([200, 0, 200], whole.Select(answer => answer.Answers.Count));
        Assert.DoesNotContain(whole, answer => answer.IsTruncated);
    }

    [Fact]
    public async Task Other_names_are_asked_for_once_and_kept_for_a_while()
    {
        var clock = new SettableTime();
        await using var upstream = PretendUpstream.Knowing("192.0.2.80", ttl: 300);
        await using ClusterDns dns = await StartReadyAsync(clock, upstream);

        string first = await DnsClient.AskAsync(dns.EndPoints[0], "www.Example.org");
        clock.Now += TimeSpan.FromSeconds(12);
        string second = await DnsClient.AskAsync(dns.EndPoints[0], "WWW.example.org");
        int kept = upstream.Count;
        clock.Now += TimeSpan.FromSeconds(19);
        string third = await DnsClient.AskAsync(dns.EndPoints[0], "www.example.org");

        Assert.Equal("NoError\nwww.Example.org. 300 A 192.0.2.80", first);
        Assert.Equal("NoError\nWWW.example.org. 288 A 192.0.2.80", second);
        Assert.Equal("NoError\nwww.example.org. 300 A 192.0.2.80", third);
        Assert.Equal(1, kept);
        Assert.Equal(2, upstream.Count);
    }

    [Fact]
    public async Task A_server_that_is_silent_or_fails_is_followed_by_the_next()
    {
        await using var silent = new PretendUpstream((_, _, _) => null);
        await using var failing = new PretendUpstream((_, query, _) => PretendUpstream.Code(query, DnsCode.ServerFailure));
        await using var gone = PretendUpstream.Knowing("192.0.2.1");
        IPEndPoint unreachable = gone.EndPoint;
        await gone.DisposeAsync();
        await using var good = PretendUpstream.Knowing("192.0.2.80");
        await using ClusterDns dns = await StartReadyAsync(
            TimeProvider.System, [silent.EndPoint, unreachable, failing.EndPoint, good.EndPoint], AsLongAsABusyMachineTakes);

        string first = await DnsClient.AskAsync(dns.EndPoints[0], "a.example.org");
        string second = await DnsClient.AskAsync(dns.EndPoints[0], "b.example.org");

        Assert.Equal("NoError\na.example.org. 300 A 192.0.2.80", first);
        Assert.Equal("NoError\nb.example.org. 300 A 192.0.2.80", second);
        // Whoever has answered is asked first from then on.
        Assert.Equal((1, 1), (silent.Count, failing.Count));
    }

    [Fact]
    public async Task When_no_server_answers_the_question_fails()
    {
        await using var silent = new PretendUpstream((_, _, _) => null);
        await using ClusterDns dns = await StartReadyAsync(TimeProvider.System, [silent.EndPoint], TimeSpan.FromMilliseconds(100));

        string answer = await DnsClient.AskAsync(dns.EndPoints[0], "www.example.org");

        Assert.Equal("ServerFailure", answer);
        await BecomesAsync(2, () => Task.FromResult(silent.Count));
    }

    [Fact]
    public async Task Without_any_other_server_other_names_are_refused()
    {
        await using ClusterDns dns = await StartReadyAsync(TimeProvider.System, [], Patience);

        Assert.Equal("Refused", await DnsClient.AskAsync(dns.EndPoints[0], "www.example.org"));
    }

    [Fact]
    public async Task An_answer_to_another_question_is_not_believed()
    {
        await using var liar = new PretendUpstream((upstream, query, _) => upstream.Count switch
        {
            1 => PretendUpstream.Address(DnsQuery.Of(query.Id, DnsName.Parse("other.example.org"), DnsType.A), "192.0.2.66"),
            2 => PretendUpstream.Address(DnsQuery.Of((ushort)(query.Id + 1), query.QuestionName, DnsType.A), "192.0.2.66"),
            _ => PretendUpstream.Address(query, "192.0.2.80"),
        });
        await using ClusterDns dns = await StartReadyAsync(
            TimeProvider.System, [liar.EndPoint], AsLongAsABusyMachineTakes, attempts: 3);

        Assert.Equal("NoError\nwww.example.org. 300 A 192.0.2.80", await DnsClient.AskAsync(dns.EndPoints[0], "www.example.org"));
    }

    [Fact]
    public async Task What_another_server_cuts_is_asked_for_again_over_tcp()
    {
        await using var upstream = new PretendUpstream((_, query, isStream) => isStream
            ? PretendUpstream.Address(query, "192.0.2.80")
            : PretendUpstream.Address(query, "192.0.2.66", flags: DnsWire.TruncatedFlag));
        await using ClusterDns dns = await StartReadyAsync(TimeProvider.System, upstream);

        Assert.Equal("NoError\nwww.example.org. 300 A 192.0.2.80", await DnsClient.AskAsync(dns.EndPoints[0], "www.example.org"));
    }

    [Fact]
    public async Task A_server_that_does_not_know_edns_is_asked_without()
    {
        await using var old = new PretendUpstream((_, query, _) => query.HasEdns
            ? PretendUpstream.Code(query, DnsCode.FormatError)
            : PretendUpstream.Address(query, "192.0.2.80"));
        await using ClusterDns dns = await StartReadyAsync(TimeProvider.System, old);

        Assert.Equal("NoError\nwww.example.org. 300 A 192.0.2.80", await DnsClient.AskAsync(dns.EndPoints[0], "www.example.org"));
    }

    [Fact]
    public async Task A_service_that_is_a_name_outside_is_followed_there()
    {
        await using var upstream = PretendUpstream.Knowing("192.0.2.80");
        _objects.Put(new Service
        {
            Metadata = new ObjectMeta { Namespace = "default", Name = "out" },
            Spec = new ServiceSpec { Type = "ExternalName", ExternalName = "www.example.org" },
        });
        await using ClusterDns dns = await StartReadyAsync(TimeProvider.System, upstream);

        Assert.Equal(
            "NoError\nout.default.svc.cluster.local. 5 CNAME www.example.org.\nwww.example.org. 300 A 192.0.2.80",
            await DnsClient.AskAsync(dns.EndPoints[0], "out.default.svc.cluster.local"));
    }

    [Fact]
    public async Task A_question_that_goes_in_a_circle_fails_at_once()
    {
        // A server that hands everything back to who asked, unchanged.
        IPEndPoint? back = null;
        await using var mirror = new PretendUpstream((_, query, _) =>
        {
            byte[] packet = new byte[ForwardedQuestion.BufferLength];
            int length = ForwardedQuestion.Write(query.Id, query, query.HasEdns, query.LoopToken, packet);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 60_000 };
            socket.Connect(back!);
            socket.Send(packet.AsSpan(0, length));
            byte[] answer = new byte[4096];
            return answer[..socket.Receive(answer)];
        });
        await using ClusterDns dns = await StartReadyAsync(TimeProvider.System, [mirror.EndPoint], Patience);
        back = dns.EndPoints[0];

        string answer = await DnsClient.AskAsync(dns.EndPoints[0], "www.example.org");

        Assert.Equal("ServerFailure", answer);
        Assert.Equal(1, mirror.Count);
    }

    [Fact]
    public async Task Many_who_ask_the_same_are_one_question_to_others()
    {
        var release = new TaskCompletionSource();
        await using var slow = new PretendUpstream((_, query, _) =>
        {
            release.Task.Wait();
            return PretendUpstream.Address(query, "192.0.2.80");
        });
        await using ClusterDns dns = await StartReadyAsync(TimeProvider.System, [slow.EndPoint], Patience);

        Task<string>[] asking = [.. Enumerable.Range(0, 50).Select(_ => DnsClient.AskAsync(dns.EndPoints[0], "www.example.org"))];
        await BecomesAsync(true, () => Task.FromResult(slow.Count > 0));
        release.SetResult();
        string[] answers = await Task.WhenAll(asking);

        Assert.All(answers, answer => Assert.Equal("NoError\nwww.example.org. 300 A 192.0.2.80", answer));
        Assert.Equal(1, slow.Count);
    }

    [Fact]
    public async Task More_questions_than_may_be_under_way_fail_at_once()
    {
        await using var silent = new PretendUpstream((_, _, _) => null);
        _objects.Put(Namespace("default")).Open();
        await using ClusterDns dns = await ClusterDns.StartAsync(
            new ClusterDnsOptions
            {
                Listen = [AnyPort],
                Upstreams = [silent.EndPoint],
                Forwarding = new DnsForwardingSettings { Timeout = Patience, ConcurrencyLimit = 2 },
            },
            new ApiClient(_objects), CancellationToken.None);
        await dns.WaitForSyncAsync(new CancellationTokenSource(Patience).Token);

        Task<string> first = DnsClient.AskAsync(dns.EndPoints[0], "a.example.org");
        Task<string> second = DnsClient.AskAsync(dns.EndPoints[0], "b.example.org");
        await BecomesAsync(2, () => Task.FromResult(silent.Count));
        string third = await DnsClient.AskAsync(dns.EndPoints[0], "c.example.org");

        Assert.Equal("ServerFailure", third);
        Assert.False(first.IsCompleted || second.IsCompleted);
        _ = Task.WhenAll(first, second).ContinueWith(task => task.Exception, TaskScheduler.Default);
    }

    [Fact]
    public async Task A_connection_too_many_is_closed()
    {
        _objects.Put(Namespace("default")).Open();
        await using ClusterDns dns = await ClusterDns.StartAsync(
            new ClusterDnsOptions { Listen = [AnyPort], ConnectionLimit = 1 }, new ApiClient(_objects), CancellationToken.None);
        using var first = new TcpClient();
        using var second = new TcpClient();
        await first.ConnectAsync(dns.EndPoints[0]);
        // It is served once it has got an answer.
        byte[] question = Dig.Question("cluster.local", DnsType.A);
        await first.GetStream().WriteAsync((byte[])[0, (byte)question.Length, .. question]);
        await first.GetStream().ReadExactlyAsync(new byte[2]);

        await second.ConnectAsync(dns.EndPoints[0]);
        int read = await second.GetStream().ReadAsync(new byte[1], new CancellationTokenSource(Patience).Token);

        Assert.Equal(0, read);
    }

    [Fact]
    public async Task An_address_that_is_taken_is_told_and_nothing_stays_open()
    {
        await using ClusterDns dns = await StartAsync();
        using var free = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        free.Bind(AnyPort);
        var other = (IPEndPoint)free.LocalEndPoint!;
        free.Dispose();

        var refusal = await Assert.ThrowsAsync<SocketException>(() => ClusterDns.StartAsync(
            new ClusterDnsOptions { Listen = [other, dns.EndPoints[0]] }, new ApiClient(_objects), CancellationToken.None));

        Assert.Equal(SocketError.AddressAlreadyInUse, refusal.SocketErrorCode);
        using var again = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        again.Bind(other);
    }

    [Fact]
    public async Task The_name_servers_own_service_is_made_and_kept()
    {
        var client = new ApiClient(_objects);
        var service = new NameServerService(client, new NameServerObjects("10.96.0.10", "10.99.0.11"));

        await service.EnsureAsync(CancellationToken.None);
        var made = (Service)_objects.Get("/api/v1/namespaces/kube-system/services/kube-dns")!;
        await new NameServerService(client, new NameServerObjects("10.96.0.10", "10.99.0.12")).EnsureAsync(CancellationToken.None);
        var slice = (EndpointSlice)_objects.Get("/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices/kube-dns")!;

        Assert.Equal("10.96.0.10", made.Spec.ClusterIP);
        Assert.Equal(["10.99.0.12"], Assert.Single(slice.Endpoints!).Addresses);
    }

    private Task<ClusterDns> StartAsync() => ClusterDns.StartAsync(
        new ClusterDnsOptions { Listen = [AnyPort], ServiceCidrs = ["10.96.0.0/16"], PodCidrs = ["10.244.0.0/16"] },
        new ApiClient(_objects), CancellationToken.None);

    private Task<ClusterDns> StartReadyAsync(TimeProvider time, PretendUpstream upstream) => StartReadyAsync(time, [upstream.EndPoint], Patience);

    private async Task<ClusterDns> StartReadyAsync(TimeProvider time, IReadOnlyList<IPEndPoint> upstreams, TimeSpan timeout, int attempts = 2)
    {
        _objects.Put(Namespace("default")).Open();
        ClusterDns dns = await ClusterDns.StartAsync(
            new ClusterDnsOptions
            {
                Listen = [AnyPort],
                Upstreams = upstreams,
                Forwarding = new DnsForwardingSettings { Timeout = timeout, AttemptLimit = attempts },
                Time = time,
            },
            new ApiClient(_objects), CancellationToken.None);
        await dns.WaitForSyncAsync(new CancellationTokenSource(Patience).Token);
        return dns;
    }

    private static async Task BecomesAsync<T>(T expected, Func<Task<T>> ask)
    {
        using var limit = new CancellationTokenSource(Patience);
        T now = await ask();
        while (!Equals(now, expected) && !limit.IsCancellationRequested)
        {
            await Task.Delay(5);
            now = await ask();
        }
        Assert.Equal(expected, now);
    }

    private static Namespace Namespace(string name) => new() { Metadata = new ObjectMeta { Name = name } };

    private static Service Service(string name, string address) => new()
    {
        Metadata = new ObjectMeta { Namespace = "default", Name = name },
        Spec = new ServiceSpec { ClusterIP = address, ClusterIPs = [address], Ports = [new ServicePort { Name = "http", Protocol = "TCP", Port = 80 }] },
    };

    private static EndpointSlice Slice(string name, string service, params string[] addresses) => new()
    {
        Metadata = new ObjectMeta
        {
            Namespace = "default",
            Name = name,
            Labels = new Dictionary<string, string> { ["kubernetes.io/service-name"] = service },
        },
        AddressType = "IPv4",
        Endpoints = [.. addresses.Select(address => new Endpoint { Addresses = [address] })],
        Ports = [new EndpointPort { Name = "http", Protocol = "TCP", Port = 8080 }],
    };

    /// <summary>A clock that stands until it is set; its timers are the system's.</summary>
    private sealed class SettableTime : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 3, 4, 12, 0, 0, TimeSpan.Zero);

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => Now;

        public override long GetTimestamp() => Now.Ticks;
    }
}
