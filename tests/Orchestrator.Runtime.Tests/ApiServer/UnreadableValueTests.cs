using System.Text;
using System.Text.Json.Nodes;
using Orchestrator.Runtime.Tests.ApiServer.Support;

namespace Orchestrator.Runtime.Tests.ApiServer;

/// <summary>Values under a resource's prefix that are no objects of it.</summary>
public sealed class UnreadableValueTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    [Theory]
    [InlineData("{\"kind\":\"ConfigMap\",\"metad")]
    [InlineData("k8s\0\n\u0001")]
    [InlineData("{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\"}")]
    [InlineData("{\"metadata\":{\"name\":\"bad\"},\"data\":7}")]
    public async Task One_that_can_not_be_read_is_named_and_does_the_others_no_harm(string value)
    {
        string path = await NewCollectionAsync("good");
        var (_, before) = await server.SendAsync(HttpMethod.Get, path);
        string key = await PutAsync(path, "bad", value);
        await CreateAsync(path, "later");

        var (listed, warning) = await ListAsync(path);
        var (_, exact) = await server.SendAsync(HttpMethod.Get, $"{path}?resourceVersion={await RevisionOfAsync(path, "later")}&resourceVersionMatch=Exact&limit=5");
        var (code, status) = await server.SendAsync(HttpMethod.Get, path + "/bad");

        Assert.Single(before["items"]!.AsArray());
        Assert.Equal(["good", "later"], Names(listed));
        Assert.Equal(["good", "later"], Names(exact));
        Assert.Contains("/bad\" can not be read from the store and is left out", warning.Replace("\\", "", StringComparison.Ordinal));
        Assert.Equal((500, "StoreReadError"), (code, status["reason"]!.GetValue<string>()));
        Assert.Equal(key, status["details"]!["causes"]![0]!["field"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_list_out_of_the_store_itself_names_it_too()
    {
        string path = await NewCollectionAsync("good");
        await PutAsync(path, "bad", "no object");
        await CreateAsync(path, "later");
        string revision = await RevisionOfAsync(path, "later");
        await CreateAsync(path, "after"); // The cache does not have the state before this any more.

        var (listed, warning) = await ListAsync($"{path}?resourceVersion={revision}&resourceVersionMatch=Exact");

        Assert.Equal(["good", "later"], Names(listed));
        Assert.Contains("can not be read", warning);
    }

    [Fact]
    public async Task It_is_deleted_only_by_who_says_that_he_means_it()
    {
        string path = await NewCollectionAsync("good");
        await PutAsync(path, "bad", "no object");
        const string Unsafe = """{"ignoreStoreReadErrorWithClusterBreakingPotential":true}""";

        var (plain, _) = await server.SendAsync(HttpMethod.Delete, path + "/bad");
        var (mixed, _) = await server.SendAsync(HttpMethod.Delete, path + "/bad", """{"ignoreStoreReadErrorWithClusterBreakingPotential":true,"gracePeriodSeconds":0}""");
        var (readable, refusal) = await server.SendAsync(HttpMethod.Delete, path + "/good", Unsafe);
        var (all, _) = await server.SendAsync(HttpMethod.Delete, path, Unsafe);
        var (deleted, status) = await server.SendAsync(HttpMethod.Delete, path + "/bad", Unsafe);
        await CreateAsync(path, "bad");
        var (_, warning) = await ListAsync(path);

        Assert.Equal((500, 422, 422, 422, 200), (plain, mixed, readable, all, deleted));
        Assert.Contains("is exclusively used to delete corrupt object(s)", refusal["message"]!.GetValue<string>());
        Assert.Equal("Success", status["status"]!.GetValue<string>());
        Assert.Empty(warning);
    }

    [Fact]
    public async Task A_key_that_no_object_has_stops_nothing()
    {
        string path = await NewCollectionAsync("good");
        await server.Store.Kv.PutAsync("/registry/configmaps/nowhere", """{"metadata":{"name":"nowhere"}}""");
        await CreateAsync(path, "later");

        var (listed, _) = await ListAsync(path);

        Assert.Equal(["good", "later"], Names(listed));
    }

    private async Task<string> NewCollectionAsync(params string[] names)
    {
        string path = $"/api/v1/namespaces/{await server.NewNamespaceAsync()}/configmaps";
        foreach (string name in names)
            await CreateAsync(path, name);
        return path;
    }

    private async Task CreateAsync(string path, string name)
    {
        var (code, _) = await server.SendAsync(HttpMethod.Post, path, $$"""{"metadata":{"name":"{{name}}"} }""");
        Assert.Equal(201, code);
    }

    private async Task<string> PutAsync(string path, string name, string value)
    {
        string key = $"/registry/configmaps/{path.Split('/')[4]}/{name}";
        await server.Store.Kv.PutAsync(key, Encoding.UTF8.GetBytes(value));
        return key;
    }

    private async Task<(JsonObject List, string Warning)> ListAsync(string path)
    {
        using var response = await server.Http.GetAsync(path);
        string warning = response.Headers.TryGetValues("Warning", out var values) ? string.Join(' ', values) : "";
        return ((JsonObject)JsonNode.Parse(await response.Content.ReadAsStringAsync())!, warning);
    }

    private async Task<string> RevisionOfAsync(string path, string name) =>
        (await server.SendAsync(HttpMethod.Get, $"{path}/{name}")).Body["metadata"]!["resourceVersion"]!.GetValue<string>();

    private static IEnumerable<string> Names(JsonObject list) =>
        list["items"]!.AsArray().Select(item => item!["metadata"]!["name"]!.GetValue<string>());
}
