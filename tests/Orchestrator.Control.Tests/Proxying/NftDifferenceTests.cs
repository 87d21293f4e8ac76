using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Control.Proxying;
using KvStore.Testing;
using static Orchestrator.Control.Tests.Proxying.ProxyCluster;

namespace Orchestrator.Control.Tests.Proxying;

public sealed class NftDifferenceTests
{
    private static readonly string[] Names = ["a", "b", "c", "d"];

    [Fact]
    public void Nothing_has_changed_where_all_is_equal()
    {
        var cluster = new ProxyCluster().With(NodePort(), Ready("10.244.0.2"));

        Assert.True(NftDifference.Between(cluster.Table.Table, cluster.Table.Table).IsEmpty);
    }

    [Fact]
    public void One_endpoint_more_rewrites_one_chain_of_one_service()
    {
        var cluster = new ProxyCluster();
        for (int i = 1; i <= 50; i++)
            cluster.With(At(i), Ready($"10.244.0.{i}"), Ready($"10.244.1.{i}"));
        var before = cluster.Table.Table;

        cluster.With(At(7), Ready("10.244.0.7"), Ready("10.244.1.7"), Ready("10.244.5.5", Elsewhere));
        var transaction = NftDifference.Between(before, cluster.Table.Table);

        string chain = cluster.Table.Table.Chains.Keys.Single(name => name.Contains("default/web-7/"));
        Assert.Equal(
        [
            $"flush chain ip orchestrator-proxy {chain}",
            $"add rule ip orchestrator-proxy {chain} ip daddr 10.96.0.7 tcp dport 80 ip saddr != @pod-cidrs jump mark-for-masquerade"
                + " comment \"default/web-7:http not from pods\"",
            $"add rule ip orchestrator-proxy {chain} meta l4proto tcp dnat to numgen random mod 3 map"
                + " { 0 : 10.244.0.7 . 8080, 1 : 10.244.1.7 . 8080, 2 : 10.244.5.5 . 8080 } comment \"default/web-7:http 3 endpoints\"",
        ], transaction.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Empty(transaction.StaleChains);
    }

    [Fact]
    public void A_chain_that_is_not_needed_any_more_is_emptied_first_and_deleted_later()
    {
        var cluster = new ProxyCluster().With(Service(), Ready("10.244.0.2"));
        var before = cluster.Table.Table;
        var kernel = cluster.Kernel;

        cluster.Remove("web");
        var transaction = NftDifference.Between(before, cluster.Table.Table);
        kernel.Apply(transaction.Text);

        string chain = Assert.Single(transaction.StaleChains);
        Assert.Empty(kernel.Rules(chain));
        Assert.Equal($"delete chain ip orchestrator-proxy {chain}\n", NftDifference.Deleting(cluster.Table.Table, [chain]));
        Assert.Equal(cluster.Kernel.Dump(), kernel.Apply(NftDifference.Deleting(cluster.Table.Table, [chain])).Dump());
    }

    [Fact]
    public void A_table_with_another_frame_takes_the_place_of_the_old_one()
    {
        var cluster = new ProxyCluster().With(Service(), Ready("10.244.0.2"));
        var before = PodMasquerade.Table(IpFamily.IPv4, ProxySettings.DefaultTableName, ["10.244.0.0/16"]);

        var transaction = NftDifference.Between(before, cluster.Table.Table);

        Assert.Equal(cluster.Kernel.Dump(), new NftModel().Apply(NftDifference.Whole(before).Text).Apply(transaction.Text).Dump());
    }

    [Fact]
    public void What_an_earlier_life_left_is_replaced_but_clients_keep_their_endpoints()
    {
        var before = new ProxyCluster()
            .With(Service(change: spec => spec.SessionAffinity = "ClientIP"), Ready("10.244.0.2"), Ready("10.244.0.3"))
            .With(Service("gone", spec => (spec.ClusterIP, spec.ClusterIPs, spec.SessionAffinity) = ("10.96.0.11", ["10.96.0.11"], "ClientIP")), Ready("10.244.0.4"));
        var kernel = before.Kernel;
        string kept = kernel.SetNames.Single(name => name.StartsWith("affinity-", StringComparison.Ordinal) && name.Contains("0.3/8080"));
        kernel.Note(kept, ClientPod);
        var after = new ProxyCluster().With(Service(change: spec => spec.SessionAffinity = "ClientIP"), Ready("10.244.0.3"));

        var transaction = NftDifference.Adopting(Observe(kernel), after.Table.Table);
        kernel.Apply(transaction.Text);
        kernel.Apply(NftDifference.Deleting(after.Table.Table, transaction.StaleChains));

        Assert.Equal(after.Kernel.Dump(), kernel.Dump());
        Assert.Equal([ClientPod], kernel.Elements(kept));
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Differences_lead_from_any_state_to_any_other(int seed)
    {
        var random = new Random(seed);
        var cluster = new ProxyCluster();
        var kernel = cluster.Kernel;
        var stale = new HashSet<string>();
        var before = cluster.Table.Table;

        for (int step = 0; step < 40; step++)
        {
            for (int changes = random.Next(1, 4); changes > 0; changes--)
                Change(cluster, random);
            var after = cluster.Table.Table;
            var transaction = random.Next(10) == 0 ? NftDifference.Adopting(Observe(kernel), after) : NftDifference.Between(before, after);
            kernel.Apply(transaction.Text);
            stale.UnionWith(transaction.StaleChains);
            stale.ExceptWith(after.Chains.Keys);
            if (random.Next(3) == 0)
            {
                kernel.Apply(NftDifference.Deleting(after, stale));
                stale.Clear();
            }

            var tidy = new NftModel().Apply(NftDifference.Whole(after).Text);
            Assert.Equal(tidy.ChainNames.Concat(stale).Order(StringComparer.Ordinal), kernel.ChainNames.Order(StringComparer.Ordinal));
            Assert.All(stale, chain => Assert.Empty(kernel.Rules(chain)));
            Assert.Equal(tidy.Dump(), Without(stale, kernel.Dump()));
            before = after;
        }
    }

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(0, Lanes.Pick(10, 30, 1000))];

    private static string Without(IReadOnlySet<string> chains, string dump) =>
        string.Concat(dump.Split('\n').Where(line => !chains.Any(chain => line == $"chain {chain} ")).Select(line => line + "\n"))[..^1];

    // What nft would list of the model: names alone matter here.
    private static ObservedTable Observe(NftModel kernel)
    {
        var items = kernel.ChainNames.Select(name => $$$"""{"chain":{"name":"{{{name}}}"}}""")
            .Concat(kernel.SetNames.Select(name => $$$"""{"{{{(kernel.IsMap(name) ? "map" : "set")}}}":{"name":"{{{name}}}"}}"""));
        return ObservedTable.Parse($$"""{"nftables":[{{string.Join(',', items)}}]}""");
    }

    private static Service At(int number) => Service($"web-{number}", spec => (spec.ClusterIP, spec.ClusterIPs) = ($"10.96.0.{number}", [$"10.96.0.{number}"]));

    private static void Change(ProxyCluster cluster, Random random)
    {
        string name = Names[random.Next(Names.Length)];
        if (random.Next(6) == 0)
        {
            cluster.Remove(name);
            return;
        }
        string ip = $"10.96.0.{1 + Array.IndexOf(Names, name)}";
        var service = Balancer($"198.51.100.{random.Next(3)}", spec =>
        {
            (spec.ClusterIP, spec.ClusterIPs) = (ip, [ip]);
            spec.Ports![0].NodePort = random.Next(3) == 0 ? null : 30000 + random.Next(3);
            spec.Ports[0].Protocol = random.Next(2) == 0 ? "TCP" : "UDP";
            spec.ExternalTrafficPolicy = random.Next(2) == 0 ? "Local" : "Cluster";
            spec.InternalTrafficPolicy = random.Next(3) == 0 ? "Local" : "Cluster";
            spec.SessionAffinity = random.Next(3) == 0 ? "ClientIP" : "None";
            spec.SessionAffinityConfig = new SessionAffinityConfig { ClientIP = new ClientIPConfig { TimeoutSeconds = 10 + random.Next(2) } };
            spec.LoadBalancerSourceRanges = random.Next(3) == 0 ? [$"203.0.{random.Next(3)}.0/24"] : null;
            spec.ExternalIPs = random.Next(3) == 0 ? [$"198.51.100.{random.Next(3)}"] : null;
        });
        service.Metadata.Name = name;
        service.Spec.Type = (string[])["ClusterIP", "NodePort", "LoadBalancer"] is var types ? types[random.Next(3)] : "";
        cluster.With(service, [.. Enumerable.Range(0, random.Next(5)).Select(_ => RandomEndpoint(random))]);
    }

    private static Endpoint RandomEndpoint(Random random) => New(
        $"10.244.0.{random.Next(6)}", random.Next(2) == 0 ? Here : Elsewhere, random.Next(3) > 0, random.Next(2) == 0, random.Next(2) == 0);
}
