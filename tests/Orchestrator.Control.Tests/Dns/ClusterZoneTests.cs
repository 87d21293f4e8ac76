using Orchestrator.Control.Dns;

namespace Orchestrator.Control.Tests.Dns;

/// <summary>What the specification of Kubernetes' names says, and where one name ends and another begins.</summary>
public sealed class ClusterZoneTests
{
    private const string Nothing = "NoError\n? cluster.local. 5 SOA ns.dns.cluster.local. hostmaster.cluster.local.";
    private const string Denied = "NameError\n? cluster.local. 5 SOA ns.dns.cluster.local. hostmaster.cluster.local.";

    [Theory]
    // A service with an address.
    [InlineData("web.default.svc.cluster.local", DnsType.A, "NoError\nweb.default.svc.cluster.local. 5 A 10.96.0.20")]
    [InlineData("web.default.svc.cluster.local", DnsType.Aaaa, Nothing)]
    [InlineData("web.default.svc.cluster.local", DnsType.Mx, Nothing)]
    [InlineData("web.default.svc.cluster.local", DnsType.Txt, Nothing)]
    [InlineData("web.default.svc.cluster.local", DnsType.Cname, Nothing)]
    [InlineData("web.default.svc.cluster.local", (DnsType)65, Nothing)]
    [InlineData("web.default.svc.cluster.local", DnsType.Any, "NoError\nweb.default.svc.cluster.local. 5 HINFO \"RFC8482\" \"\"")]
    [InlineData("dual.default.svc.cluster.local", DnsType.Aaaa, "NoError\ndual.default.svc.cluster.local. 5 AAAA fd00:96::22")]
    [InlineData("dual.default.svc.cluster.local", DnsType.Srv, """
        NoError
        dual.default.svc.cluster.local. 5 SRV 0 100 80 dual.default.svc.cluster.local.
        + dual.default.svc.cluster.local. 5 A 10.96.0.22
        + dual.default.svc.cluster.local. 5 AAAA fd00:96::22
        """)]
    // Its ports.
    [InlineData("_http._tcp.web.default.svc.cluster.local", DnsType.Srv, """
        NoError
        _http._tcp.web.default.svc.cluster.local. 5 SRV 0 100 80 web.default.svc.cluster.local.
        + web.default.svc.cluster.local. 5 A 10.96.0.20
        """)]
    [InlineData("_media._udp.web.default.svc.cluster.local", DnsType.Srv, """
        NoError
        _media._udp.web.default.svc.cluster.local. 5 SRV 0 100 5004 web.default.svc.cluster.local.
        + web.default.svc.cluster.local. 5 A 10.96.0.20
        """)]
    [InlineData("http.tcp.web.default.svc.cluster.local", DnsType.Srv, """
        NoError
        http.tcp.web.default.svc.cluster.local. 5 SRV 0 100 80 web.default.svc.cluster.local.
        + web.default.svc.cluster.local. 5 A 10.96.0.20
        """)]
    [InlineData("web.default.svc.cluster.local", DnsType.Srv, """
        NoError
        web.default.svc.cluster.local. 5 SRV 0 50 80 web.default.svc.cluster.local.
        web.default.svc.cluster.local. 5 SRV 0 50 5004 web.default.svc.cluster.local.
        + web.default.svc.cluster.local. 5 A 10.96.0.20
        """)]
    [InlineData("_http._tcp.web.default.svc.cluster.local", DnsType.A, "NoError\n_http._tcp.web.default.svc.cluster.local. 5 A 10.96.0.20")]
    [InlineData("_http._udp.web.default.svc.cluster.local", DnsType.Srv, Denied)]
    [InlineData("_media._tcp.web.default.svc.cluster.local", DnsType.Srv, Denied)]
    [InlineData("_tcp.web.default.svc.cluster.local", DnsType.Srv, Nothing)]
    [InlineData("_sctp.web.default.svc.cluster.local", DnsType.Srv, Denied)]
    [InlineData("_._tcp.plain.default.svc.cluster.local", DnsType.Srv, Denied)]
    // Its endpoints have names by their addresses; those that are not ready have none.
    [InlineData("10-244-0-5.web.default.svc.cluster.local", DnsType.A, "NoError\n10-244-0-5.web.default.svc.cluster.local. 5 A 10.244.0.5")]
    [InlineData("10-244-0-77.web.default.svc.cluster.local", DnsType.A, Denied)]
    [InlineData("10-244-0-5.web.default.svc.cluster.local", DnsType.Srv, """
        NoError
        10-244-0-5.web.default.svc.cluster.local. 5 SRV 0 50 8080 10-244-0-5.web.default.svc.cluster.local.
        10-244-0-5.web.default.svc.cluster.local. 5 SRV 0 50 5004 10-244-0-5.web.default.svc.cluster.local.
        + 10-244-0-5.web.default.svc.cluster.local. 5 A 10.244.0.5
        """)]
    // A headless service is its ready endpoints.
    [InlineData("db.default.svc.cluster.local", DnsType.A, """
        NoError
        db.default.svc.cluster.local. 5 A 10.244.0.7
        db.default.svc.cluster.local. 5 A 10.244.0.8
        """)]
    [InlineData("db.default.svc.cluster.local", DnsType.Aaaa, "NoError\ndb.default.svc.cluster.local. 5 AAAA fd00:244::7")]
    [InlineData("db-0.db.default.svc.cluster.local", DnsType.A, "NoError\ndb-0.db.default.svc.cluster.local. 5 A 10.244.0.7")]
    [InlineData("db-0.db.default.svc.cluster.local", DnsType.Aaaa, "NoError\ndb-0.db.default.svc.cluster.local. 5 AAAA fd00:244::7")]
    [InlineData("db-1.db.default.svc.cluster.local", DnsType.Aaaa, Nothing)]
    [InlineData("db-2.db.default.svc.cluster.local", DnsType.A, Denied)]
    [InlineData("10-244-0-7.db.default.svc.cluster.local", DnsType.A, Denied)]
    [InlineData("_pg._tcp.db.default.svc.cluster.local", DnsType.Srv, """
        NoError
        _pg._tcp.db.default.svc.cluster.local. 5 SRV 0 50 5432 db-0.db.default.svc.cluster.local.
        _pg._tcp.db.default.svc.cluster.local. 5 SRV 0 50 5432 db-1.db.default.svc.cluster.local.
        + db-0.db.default.svc.cluster.local. 5 A 10.244.0.7
        + db-0.db.default.svc.cluster.local. 5 AAAA fd00:244::7
        + db-1.db.default.svc.cluster.local. 5 A 10.244.0.8
        """)]
    [InlineData("none.default.svc.cluster.local", DnsType.A, Denied)]
    [InlineData("_http._tcp.none.default.svc.cluster.local", DnsType.Srv, Denied)]
    [InlineData("early.default.svc.cluster.local", DnsType.A, """
        NoError
        early.default.svc.cluster.local. 5 A 10.244.0.11
        early.default.svc.cluster.local. 5 A 10.244.0.12
        """)]
    [InlineData("first.early.default.svc.cluster.local", DnsType.A, "NoError\nfirst.early.default.svc.cluster.local. 5 A 10.244.0.11")]
    [InlineData("early.default.svc.cluster.local", DnsType.Srv, Nothing)]
    // Names that lead elsewhere.
    [InlineData("inside.default.svc.cluster.local", DnsType.A, """
        NoError
        inside.default.svc.cluster.local. 5 CNAME web.default.svc.cluster.local.
        web.default.svc.cluster.local. 5 A 10.96.0.20
        """)]
    [InlineData("twice.default.svc.cluster.local", DnsType.A, """
        NoError
        twice.default.svc.cluster.local. 5 CNAME INSIDE.default.svc.cluster.local.
        INSIDE.default.svc.cluster.local. 5 CNAME web.default.svc.cluster.local.
        web.default.svc.cluster.local. 5 A 10.96.0.20
        """)]
    [InlineData("inside.default.svc.cluster.local", DnsType.Cname, "NoError\ninside.default.svc.cluster.local. 5 CNAME web.default.svc.cluster.local.")]
    [InlineData("out.default.svc.cluster.local", DnsType.Cname, "NoError\nout.default.svc.cluster.local. 5 CNAME www.example.org.")]
    [InlineData("inside.default.svc.cluster.local", DnsType.Aaaa, """
        NoError
        inside.default.svc.cluster.local. 5 CNAME web.default.svc.cluster.local.
        ? cluster.local. 5 SOA ns.dns.cluster.local. hostmaster.cluster.local.
        """)]
    [InlineData("dead.default.svc.cluster.local", DnsType.A, """
        NameError
        dead.default.svc.cluster.local. 5 CNAME gone.default.svc.cluster.local.
        ? cluster.local. 5 SOA ns.dns.cluster.local. hostmaster.cluster.local.
        """)]
    [InlineData("circle.default.svc.cluster.local", DnsType.A, "ServerFailure")]
    [InlineData("number.default.svc.cluster.local", DnsType.A, Denied)]
    [InlineData("a.out.default.svc.cluster.local", DnsType.A, Denied)]
    // Pods by their addresses.
    [InlineData("10-1-2-3.default.pod.cluster.local", DnsType.A, "NoError\n10-1-2-3.default.pod.cluster.local. 5 A 10.1.2.3")]
    [InlineData("10-1-2-3.default.pod.cluster.local", DnsType.Aaaa, Nothing)]
    [InlineData("fd00--7.default.pod.cluster.local", DnsType.Aaaa, "NoError\nfd00--7.default.pod.cluster.local. 5 AAAA fd00::7")]
    [InlineData("10-1-2-300.default.pod.cluster.local", DnsType.A, Denied)]
    [InlineData("web.default.pod.cluster.local", DnsType.A, Denied)]
    [InlineData("10-1-2-3.nowhere.pod.cluster.local", DnsType.A, Denied)]
    [InlineData("x.10-1-2-3.default.pod.cluster.local", DnsType.A, Denied)]
    // Names between names.
    [InlineData("cluster.local", DnsType.A, Nothing)]
    [InlineData("svc.cluster.local", DnsType.A, Nothing)]
    [InlineData("pod.cluster.local", DnsType.A, Nothing)]
    [InlineData("default.svc.cluster.local", DnsType.A, Nothing)]
    [InlineData("empty.svc.cluster.local", DnsType.A, Nothing)]
    [InlineData("empty.pod.cluster.local", DnsType.Any, "NoError\nempty.pod.cluster.local. 5 HINFO \"RFC8482\" \"\"")]
    [InlineData("nowhere.svc.cluster.local", DnsType.A, Denied)]
    [InlineData("gone.default.svc.cluster.local", DnsType.A, Denied)]
    [InlineData("gone.default.svc.cluster.local", DnsType.Any, Denied)]
    [InlineData("a.b.c.web.default.svc.cluster.local", DnsType.A, Denied)]
    [InlineData("*.default.svc.cluster.local", DnsType.A, Denied)]
    [InlineData("web.*.svc.cluster.local", DnsType.A, Denied)]
    [InlineData("web.default.cluster.local", DnsType.A, Denied)]
    [InlineData("www.example.org.default.svc.cluster.local", DnsType.A, Denied)]
    // The domain's own.
    [InlineData("dns-version.cluster.local", DnsType.Txt, "NoError\ndns-version.cluster.local. 28800 TXT \"1.1.0\"")]
    [InlineData("dns-version.cluster.local", DnsType.A, Nothing)]
    [InlineData("x.dns-version.cluster.local", DnsType.Txt, Denied)]
    [InlineData("cluster.local", DnsType.Soa, "NoError\ncluster.local. 5 SOA ns.dns.cluster.local. hostmaster.cluster.local.")]
    [InlineData("cluster.local", DnsType.Ns, "NoError\ncluster.local. 5 NS ns.dns.cluster.local.\n+ ns.dns.cluster.local. 5 A 10.96.0.10")]
    [InlineData("ns.dns.cluster.local", DnsType.A, "NoError\nns.dns.cluster.local. 5 A 10.96.0.10")]
    [InlineData("dns.cluster.local", DnsType.A, Nothing)]
    public void The_domain_answers(string name, DnsType type, string expected)
    {
        string answer = Dig.Text(ZoneFixture.Ask(name, type));

        Assert.Equal(expected, answer);
    }

    [Theory]
    [InlineData("10.0.96.10.in-addr.arpa", "NoError\n10.0.96.10.in-addr.arpa. 5 PTR kube-dns.kube-system.svc.cluster.local.")]
    [InlineData("5.0.244.10.in-addr.arpa", "NoError\n5.0.244.10.in-addr.arpa. 5 PTR 10-244-0-5.web.default.svc.cluster.local.")]
    [InlineData("7.0.244.10.IN-ADDR.ARPA", "NoError\n7.0.244.10.IN-ADDR.ARPA. 5 PTR db-0.db.default.svc.cluster.local.")]
    [InlineData("2.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa",
        "NoError\n2.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa. 5 PTR dual.default.svc.cluster.local.")]
    // Of pods' addresses that are not within the given ranges, those that are endpoints are known all the same.
    [InlineData("7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.4.2.0.0.0.D.F.ip6.arpa",
        "NoError\n7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.4.2.0.0.0.D.F.ip6.arpa. 5 PTR db-0.db.default.svc.cluster.local.")]
    [InlineData("8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.4.2.0.0.0.d.f.ip6.arpa", "Foreign")]
    [InlineData("g.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa",
        "NameError\n? 0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa. 5 SOA ns.dns.cluster.local. hostmaster.cluster.local.")]
    [InlineData("99.0.96.10.in-addr.arpa", "NameError\n? 96.10.in-addr.arpa. 5 SOA ns.dns.cluster.local. hostmaster.cluster.local.")]
    [InlineData("9.0.244.10.in-addr.arpa", "NameError\n? 244.10.in-addr.arpa. 5 SOA ns.dns.cluster.local. hostmaster.cluster.local.")]
    [InlineData("0.244.10.in-addr.arpa", "NoError\n? 244.10.in-addr.arpa. 5 SOA ns.dns.cluster.local. hostmaster.cluster.local.")]
    [InlineData("244.10.in-addr.arpa", "NoError\n? 244.10.in-addr.arpa. 5 SOA ns.dns.cluster.local. hostmaster.cluster.local.")]
    [InlineData("300.0.244.10.in-addr.arpa", "NameError\n? 244.10.in-addr.arpa. 5 SOA ns.dns.cluster.local. hostmaster.cluster.local.")]
    [InlineData("05.0.244.10.in-addr.arpa", "NameError\n? 244.10.in-addr.arpa. 5 SOA ns.dns.cluster.local. hostmaster.cluster.local.")]
    [InlineData("1.5.0.244.10.in-addr.arpa", "NameError\n? 244.10.in-addr.arpa. 5 SOA ns.dns.cluster.local. hostmaster.cluster.local.")]
    [InlineData("10.in-addr.arpa", "Foreign")]
    [InlineData("in-addr.arpa", "Foreign")]
    [InlineData("1.2.0.192.in-addr.arpa", "Foreign")]
    public void Addresses_lead_back_to_names(string name, string expected)
    {
        byte[] packet = ZoneFixture.React(ZoneFixture.Zone, Dig.Question(name, DnsType.Ptr, payloadSize: 1232), 0, false, out var reaction);

        Assert.Equal(expected, reaction.Pending is { } pending ? pending.Kind.ToString() : Dig.Text(DnsMessage.Decode(packet)!));
    }

    [Fact]
    public void An_endpoint_outside_of_all_ranges_has_a_name_and_its_neighbour_is_somebody_elses()
    {
        var zone = ZoneFixture.Zone.WithService(
            ZoneFixture.Service("default", "kubernetes", ["10.96.0.1"], ("https", "TCP", 443)),
            [ZoneFixture.Slice("default", "kubernetes", [("https", "TCP", 6443)], ZoneFixture.Ready("192.0.2.5"))]);

        string known = Dig.Text(ZoneFixture.Ask(zone, Dig.Question("5.2.0.192.in-addr.arpa", DnsType.Ptr)));
        ZoneFixture.React(zone, Dig.Question("6.2.0.192.in-addr.arpa", DnsType.Ptr), 0, false, out var neighbour);
        ZoneFixture.React(zone, Dig.Question("5.2.0.192.in-addr.arpa", DnsType.A), 0, false, out var otherType);

        Assert.Equal("NoError\n5.2.0.192.in-addr.arpa. 5 PTR 192-0-2-5.kubernetes.default.svc.cluster.local.", known);
        Assert.Equal(ResolutionKind.Foreign, neighbour.Pending?.Kind);
        Assert.Equal(ResolutionKind.Foreign, otherType.Pending?.Kind);
    }

    [Theory]
    [InlineData("www.example.org")]
    [InlineData("local")]
    [InlineData("xcluster.local")]
    [InlineData("cluster.local.org")]
    [InlineData(".")]
    public void Other_names_are_somebody_elses(string name)
    {
        ZoneFixture.React(ZoneFixture.Zone, Dig.Question(name, DnsType.A), 0, false, out var reaction);

        Assert.Equal(new DnsReaction(0, new Resolution { Kind = ResolutionKind.Foreign }), reaction);
    }

    [Fact]
    public void An_alias_that_leads_outside_waits_for_what_others_say_of_it()
    {
        ZoneFixture.React(ZoneFixture.Zone, Dig.Question("out.default.svc.cluster.local", DnsType.A), 0, false, out var reaction);
        var query = DnsQuery.Of(7, DnsName.Parse("out.default.svc.cluster.local"), DnsType.A);
        var other = new Resolution
        {
            Answers = [new RecordSet(DnsName.Parse("www.example.org"), DnsType.A, 300, [[192, 0, 2, 80]])],
            AgeSeconds = 10,
        };
        byte[] into = new byte[ResponseWriter.BufferLength];
        int length = ResponseWriter.Write(query, DnsResponder.Join(reaction.Pending!.Value, other), false, 0, into);
        int failed = ResponseWriter.Write(
            query, DnsResponder.Join(reaction.Pending.Value, Resolution.Failure(DnsCode.ServerFailure)), false, 0, into.AsSpan(length));

        Assert.Equal(ResolutionKind.LeadsOutside, reaction.Pending.Value.Kind);
        Assert.Equal(DnsName.Parse("www.example.org"), reaction.Pending.Value.Target);
        Assert.Equal("""
            NoError
            out.default.svc.cluster.local. 5 CNAME www.example.org.
            www.example.org. 290 A 192.0.2.80
            """, Dig.Text(DnsMessage.Decode(into.AsSpan(0, length))!));
        Assert.Equal("ServerFailure", Dig.Text(DnsMessage.Decode(into.AsSpan(length, failed))!));
    }

    [Fact]
    public void A_change_makes_a_new_zone_and_leaves_the_old_one()
    {
        var before = ZoneFixture.Zone;
        var moved = before.WithService(ZoneFixture.Service("default", "web", ["10.96.0.99"], ("http", "TCP", 80)), []);
        var gone = moved.WithoutService("default", "web").WithoutNamespace("empty");

        Assert.Equal("10.96.0.20", Address(before));
        Assert.Equal("10.96.0.99", Address(moved));
        Assert.Equal("NameError", Address(gone));
        Assert.Equal("PTR", Reverse(before, "20"));
        Assert.Equal("NameError", Reverse(moved, "20"));
        Assert.Equal("PTR", Reverse(moved, "99"));
        Assert.Equal("NameError", Reverse(gone, "99"));
        Assert.Equal(DnsCode.NameError, ZoneFixture.Ask(gone, Dig.Question("empty.svc.cluster.local", DnsType.A)).Code);
        Assert.Equal(before.Serial + 3, gone.Serial);

        static string Address(ClusterZone zone) =>
            Dig.Text(ZoneFixture.Ask(zone, Dig.Question("web.default.svc.cluster.local", DnsType.A))).Split('\n', ' ') is var words && words[0] == "NoError"
                ? words[^1] : words[0];

        static string Reverse(ClusterZone zone, string last) =>
            ZoneFixture.Ask(zone, Dig.Question($"{last}.0.96.10.in-addr.arpa", DnsType.Ptr)) is var answer && answer.Answers.Count > 0
                ? "PTR" : answer.Code.ToString();
    }

    [Fact]
    public void An_address_of_two_services_leads_to_both_until_one_goes()
    {
        var slice = ZoneFixture.Slice("default", "more-1", [("http", "TCP", 80)], ZoneFixture.Ready("10.244.0.5"));
        var zone = ZoneFixture.Zone.WithService(ZoneFixture.Service("default", "more", ["10.96.0.40"], ("http", "TCP", 80)), [slice]);

        var both = ZoneFixture.Ask(zone, Dig.Question("5.0.244.10.in-addr.arpa", DnsType.Ptr));
        var one = ZoneFixture.Ask(zone.WithoutService("default", "web"), Dig.Question("5.0.244.10.in-addr.arpa", DnsType.Ptr));

        Assert.Equal(2, both.Answers.Count);
        Assert.EndsWith("10-244-0-5.more.default.svc.cluster.local.", Dig.Text(Assert.Single(one.Answers)));
    }

    [Theory]
    [InlineData(0, "10.244.0.7 10.244.0.8")]
    [InlineData(1, "10.244.0.8 10.244.0.7")]
    [InlineData(4_294_967_295, "10.244.0.8 10.244.0.7")]
    public void Addresses_take_turns(uint rotation, string expected)
    {
        var answer = ZoneFixture.Ask("db.default.svc.cluster.local", DnsType.A, rotation);

        Assert.Equal(expected, string.Join(' ', answer.Answers.Select(set => Dig.Text(set).Split(' ')[^1])));
    }

    [Fact]
    public void The_cluster_may_have_another_domain()
    {
        var zone = ClusterZone.Create(new ClusterZoneSettings { Domain = "k8s.Example.org." }).WithNamespace("default")
            .WithService(ZoneFixture.Service("default", "web", ["10.96.0.20"], ("http", "TCP", 80)), []);

        string inside = Dig.Text(ZoneFixture.Ask(zone, Dig.Question("web.default.svc.k8s.example.org", DnsType.A)));
        ZoneFixture.React(zone, Dig.Question("web.default.svc.cluster.local", DnsType.A), 0, false, out var other);

        Assert.Equal("NoError\nweb.default.svc.k8s.example.org. 5 A 10.96.0.20", inside);
        Assert.Equal(ResolutionKind.Foreign, other.Pending?.Kind);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a..b")]
    [InlineData("this-label-is-much-longer-than-the-sixty-three-bytes-that-a-label-may-have.local")]
    public void A_domain_that_is_none_is_refused(string domain)
    {
        if (domain.Length == 0)
            Assert.Equal(DnsName.Root, DnsName.Parse(domain));
        else
            Assert.Throws<FormatException>(() => ClusterZone.Create(new ClusterZoneSettings { Domain = domain }));
        Assert.Throws<FormatException>(() => ClusterZone.Create(new ClusterZoneSettings { ReverseRanges = ["10.96.0.0"] }));
    }
}
