using System.Text.Json;
using Orchestrator.Control.Proxying;

namespace Orchestrator.Control.Tests.Proxying;

public sealed class ObservedTableTests
{
    /// <summary>In the shape of nft 1.0.6.</summary>
    private const string Listed = """
        {"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
        {"table": {"family": "ip", "name": "t", "handle": 1}},
        {"map": {"family": "ip", "name": "service-ips", "table": "t", "type": ["ipv4_addr", "inet_proto", "inet_service"], "handle": 1, "map": "verdict",
          "elem": [[{"elem": {"val": {"concat": ["10.96.0.1", "tcp", 80]}, "comment": "default/web:http"}}, {"goto": {"target": "service-1"}}],
                   [{"concat": ["10.96.0.2", "udp", 53]}, {"drop": null}]]}},
        {"set": {"family": "ip", "name": "pod-cidrs", "table": "t", "type": "ipv4_addr", "handle": 2, "flags": ["interval"],
          "elem": [{"prefix": {"addr": "10.244.0.0", "len": 16}}, "10.0.0.1"]}},
        {"set": {"family": "ip", "name": "affinity-1", "table": "t", "type": "ipv4_addr", "handle": 3, "flags": ["timeout", "dynamic"],
          "elem": [{"elem": {"val": "10.244.0.9", "expires": 7}}]}},
        {"chain": {"family": "ip", "table": "t", "name": "service-1", "handle": 4}},
        {"chain": {"family": "ip", "table": "t", "name": "left", "handle": 6}},
        {"rule": {"family": "ip", "table": "t", "chain": "service-1", "handle": 5, "comment": "one", "expr": [{"accept": null}]}}]}
        """;

    private static NftTable Wanted(Action<NftTable>? change = null)
    {
        var table = new NftTable(IpFamily.IPv4, "t", "");
        table.Add(new NftSet("service-ips", "", isMap: true)
        {
            Elements = { ["10.96.0.1 . tcp . 80"] = new("goto service-1"), ["10.96.0.2 . udp . 53"] = new("drop") },
        });
        table.Add(new NftSet("pod-cidrs", "", isMap: false) { Elements = { ["10.244.0.0/16"] = new(), ["10.0.0.1"] = new() } });
        table.Add(new NftSet("affinity-1", "", isMap: false, isFilledByRules: true));
        table.Add(new NftChain("service-1", [new NftRule("accept", "one")]));
        change?.Invoke(table);
        return table;
    }

    [Fact]
    public void What_nft_lists_is_what_was_written()
    {
        Assert.Null(ObservedTable.Parse(Listed).FirstDifference(Wanted(), ["left"]));
    }

    public static TheoryData<string, string> Differences => new()
    {
        { "{\"target\": \"service-1\"}|{\"target\": \"service-2\"}", "map service-ips has other elements" },
        { "\"10.96.0.2\"|\"10.96.0.3\"", "map service-ips has other elements" },
        { "\"len\": 16|\"len\": 17", "set pod-cidrs has other elements" },
        { "\"comment\": \"one\"|\"comment\": \"two\"", "chain service-1 has other rules" },
        { "\"name\": \"affinity-1\"|\"name\": \"affinity-2\"", "set affinity-1 is missing" },
        { "\"name\": \"left\"|\"name\": \"new\"", "chain new is not ours" },
    };

    [Theory]
    [MemberData(nameof(Differences))]
    public void What_somebody_has_changed_is_named(string change, string difference)
    {
        string[] parts = change.Split('|');
        Assert.Contains(parts[0], Listed);

        var found = ObservedTable.Parse(Listed.Replace(parts[0], parts[1]));

        Assert.Equal(difference, found.FirstDifference(Wanted(), ["left"]));
    }

    [Fact]
    public void An_empty_chain_is_allowed_only_while_it_waits_for_its_end()
    {
        Assert.Equal("chain left is not ours", ObservedTable.Parse(Listed).FirstDifference(Wanted(), []));
        Assert.Equal(
            "chain service-1 is not ours",
            ObservedTable.Parse(Listed).FirstDifference(Wanted(table => table.Chains.Remove("service-1")), ["left", "service-1"]));
    }

    [Fact]
    public void A_set_that_is_not_ours_is_a_difference()
    {
        Assert.Equal("set pod-cidrs is not ours", ObservedTable.Parse(Listed).FirstDifference(Wanted(table => table.Sets.Remove("pod-cidrs")), ["left"]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("no JSON")]
    public void What_is_no_list_is_said_to_be_none(string text)
    {
        Assert.ThrowsAny<JsonException>(() => ObservedTable.Parse(text));
    }
}
