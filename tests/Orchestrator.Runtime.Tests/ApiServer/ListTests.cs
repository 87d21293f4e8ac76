using System.Globalization;
using System.Text.Json.Nodes;
using Orchestrator.Runtime.Tests.ApiServer.Support;

namespace Orchestrator.Runtime.Tests.ApiServer;

public sealed class ListTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    [Fact]
    public async Task Pages_show_the_state_of_the_first_one_whatever_changes_meanwhile()
    {
        string path = await NewCollectionAsync("a", "b", "c", "d", "e");

        var (_, first) = await server.SendAsync(HttpMethod.Get, path + "?limit=2");
        await server.SendAsync(HttpMethod.Delete, path + "/d");
        await CreateAsync(path, "cc");
        var (_, second) = await server.SendAsync(HttpMethod.Get, $"{path}?limit=2&continue={Token(first)}");
        var (_, third) = await server.SendAsync(HttpMethod.Get, $"{path}?limit=2&continue={Token(second)}");

        Assert.Equal(["a", "b"], Names(first));
        Assert.Equal(3, first["metadata"]!["remainingItemCount"]!.GetValue<int>());
        Assert.Equal(["c", "d"], Names(second));
        Assert.Equal(["e"], Names(third));
        Assert.Null(third["metadata"]!["continue"]);
        Assert.Equal(Revision(first), Revision(third));
    }

    [Fact]
    public async Task A_page_of_a_compacted_state_is_refused_with_a_token_for_the_rest()
    {
        string path = await NewCollectionAsync("a", "b", "c");
        var (_, first) = await server.SendAsync(HttpMethod.Get, path + "?limit=1");
        await server.SendAsync(HttpMethod.Delete, path + "/c");
        await CreateAsync(path, "d");
        var (_, last) = await server.SendAsync(HttpMethod.Get, path);
        await server.Store.Kv.CompactAsync(Revision(last));

        var (code, status) = await server.SendAsync(HttpMethod.Get, $"{path}?limit=1&continue={Token(first)}");
        var (_, rest) = await server.SendAsync(
            HttpMethod.Get, $"{path}?continue={Uri.EscapeDataString(status["metadata"]!["continue"]!.GetValue<string>())}");

        Assert.Equal(410, code);
        Assert.Equal("Expired", status["reason"]!.GetValue<string>());
        Assert.Equal(["b", "d"], Names(rest));
    }

    [Fact]
    public async Task A_page_of_a_compacted_state_is_refused_also_where_nothing_has_changed_since()
    {
        string path = await NewCollectionAsync("a", "b", "c");
        var (_, first) = await server.SendAsync(HttpMethod.Get, path + "?limit=1");
        await NewCollectionAsync("elsewhere");
        var (_, last) = await server.SendAsync(HttpMethod.Get, path);
        await server.Store.Kv.CompactAsync(Revision(last));

        var (code, status) = await server.SendAsync(HttpMethod.Get, $"{path}?limit=1&continue={Token(first)}");
        var (_, rest) = await server.SendAsync(HttpMethod.Get, $"{path}?limit=1&continue={Token(status)}");

        Assert.Equal(410, code);
        Assert.Equal(["b"], Names(rest));
        Assert.Equal(1, rest["metadata"]!["remainingItemCount"]!.GetValue<int>());
    }

    [Fact]
    public async Task An_exact_revision_shows_that_state()
    {
        string path = await NewCollectionAsync("a");
        var (_, before) = await server.SendAsync(HttpMethod.Get, path);
        await CreateAsync(path, "b");

        var (_, then) = await server.SendAsync(
            HttpMethod.Get, $"{path}?resourceVersion={Revision(before)}&resourceVersionMatch=Exact");

        Assert.Equal(["a"], Names(then));
    }

    [Fact]
    public async Task A_list_holds_everything_that_was_written_before_also_by_another_server()
    {
        await using var other = await server.StartServerAsync();
        using var otherHttp = ServerFixture.ClientOf(other);
        string path = await NewCollectionAsync();
        await ServerFixture.SendAsync(otherHttp, HttpMethod.Get, path);

        for (int round = 0; round < 50; round++)
        {
            string name = $"c{round:00}";
            await CreateAsync(path, name);

            var (_, list) = await ServerFixture.SendAsync(otherHttp, HttpMethod.Get, path);

            Assert.Equal(name, Names(list)[^1]);
        }
    }

    [Fact]
    public async Task A_token_that_is_none_is_a_bad_request()
    {
        var (code, status) = await server.SendAsync(HttpMethod.Get, "/api/v1/configmaps?continue=nonsense");

        Assert.Equal(400, code);
        Assert.StartsWith("continue key is not valid: ", status["message"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_field_selector_is_a_bad_request()
    {
        var (code, status) = await server.SendAsync(HttpMethod.Get, "/api/v1/pods?fieldSelector=spec.foo%3Da");

        Assert.Equal(400, code);
        Assert.Equal("field label not supported: spec.foo", status["message"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("/api/v1/namespaces/{0}/events", false)]
    [InlineData("/apis/events.k8s.io/v1/namespaces/{0}/events", false)]
    [InlineData("/api/v1/namespaces/{0}/events", true)]
    public async Task Items_do_not_say_again_what_their_list_has_said(string path, bool wantsMetadata)
    {
        string ns = await server.NewNamespaceAsync();
        await server.SendAsync(HttpMethod.Post, $"/api/v1/namespaces/{ns}/events", $$$"""
            {"metadata":{"name":"e"},"involvedObject":{"namespace":"{{{ns}}}"},"reason":"Test","type":"Normal","message":"m"}
            """);

        var (_, list) = await server.SendAsync(
            HttpMethod.Get, string.Format(CultureInfo.InvariantCulture, path, ns),
            accept: wantsMetadata ? "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io" : null);

        var item = (JsonObject)Assert.Single((JsonArray)list["items"]!)!;
        Assert.Equal("e", item["metadata"]!["name"]!.GetValue<string>());
        Assert.Equal(wantsMetadata, item.ContainsKey("kind"));
        Assert.Equal(wantsMetadata, item.ContainsKey("apiVersion"));
    }

    [Theory]
    [InlineData("?pretty=true", true)]
    [InlineData("?pretty=false", false)]
    [InlineData("", false)]
    public async Task Who_asks_for_it_gets_a_list_in_lines(string query, bool isInLines)
    {
        string path = await NewCollectionAsync("a");

        string text = await server.Http.GetStringAsync(new Uri(path + query, UriKind.Relative));

        Assert.Equal(isInLines, text.Contains("\n  \"items\": [\n", StringComparison.Ordinal));
        Assert.Equal("a", Assert.Single(Names((JsonObject)JsonNode.Parse(text)!)));
    }

    private static string[] Names(JsonObject list) =>
        [.. ((JsonArray)list["items"]!).Select(item => item!["metadata"]!["name"]!.GetValue<string>())];

    private static string Token(JsonObject list) => Uri.EscapeDataString(list["metadata"]!["continue"]!.GetValue<string>());

    private static long Revision(JsonObject list) =>
        long.Parse(list["metadata"]!["resourceVersion"]!.GetValue<string>(), CultureInfo.InvariantCulture);

    private async Task<string> NewCollectionAsync(params string[] names)
    {
        string path = $"/api/v1/namespaces/{await server.NewNamespaceAsync()}/secrets";
        foreach (string name in names)
            await CreateAsync(path, name);
        return path;
    }

    private async Task CreateAsync(string path, string name)
    {
        var (code, _) = await server.SendAsync(HttpMethod.Post, path, $$"""{"metadata":{"name":"{{name}}"} }""");
        Assert.Equal(201, code);
    }
}
