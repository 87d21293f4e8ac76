using System.Globalization;
using System.Text.Json.Nodes;
using Orchestrator.Runtime.Tests.ApiServer.Support;

namespace Orchestrator.Runtime.Tests.ApiServer;

public sealed class WatchTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    [Fact]
    public async Task A_watch_of_a_revision_shows_all_later_changes_in_order()
    {
        string path = await NewCollectionAsync();
        string revision = await RevisionAsync(path);
        await CreateAsync(path, "a");
        await CreateAsync(path, "b");
        await server.SendAsync(HttpMethod.Delete, path + "/a");

        using var watch = await WatchReader.OpenAsync(server.Http, $"{path}?watch=true&resourceVersion={revision}");

        Assert.Equal("ADDED a", await watch.NextTextAsync());
        Assert.Equal("ADDED b", await watch.NextTextAsync());
        Assert.Equal("DELETED a", await watch.NextTextAsync());
        await CreateAsync(path, "c");
        Assert.Equal("ADDED c", await watch.NextTextAsync());
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task A_watch_is_answered_at_once_though_nothing_happens(string version)
    {
        string path = await NewCollectionAsync();
        string revision = await RevisionAsync(path);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{path}?watch=true&resourceVersion={revision}")
        {
            Version = Version.Parse(version), VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

        using var response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead)
            .WaitAsync(TimeSpan.FromSeconds(60));

        Assert.Equal(200, (int)response.StatusCode);
        Assert.Equal(Version.Parse(version), response.Version);
    }

    [Fact]
    public async Task A_watch_without_revision_begins_with_what_is_there()
    {
        string path = await NewCollectionAsync();
        await CreateAsync(path, "b");
        await CreateAsync(path, "a");

        using var watch = await WatchReader.OpenAsync(server.Http, $"{path}?watch=true");

        Assert.Equal("ADDED a", await watch.NextTextAsync());
        Assert.Equal("ADDED b", await watch.NextTextAsync());
    }

    [Fact]
    public async Task An_object_that_comes_to_match_is_ADDED_and_one_that_ceases_to_is_DELETED()
    {
        string path = await NewCollectionAsync();
        string revision = await RevisionAsync(path);
        using var watch = await WatchReader.OpenAsync(
            server.Http, $"{path}?watch=true&labelSelector=x%3D1&resourceVersion={revision}");

        await CreateAsync(path, "a");
        await LabelAsync(path, "a", "\"1\"");
        await LabelAsync(path, "a", "\"2\"");

        var added = (await watch.NextAsync())!.Value;
        var deleted = (await watch.NextAsync())!.Value;
        Assert.Equal("ADDED", added.Type);
        Assert.Equal("DELETED", deleted.Type);
        Assert.Equal("1", deleted.Object["metadata"]!["labels"]!["x"]!.GetValue<string>());
        Assert.True(RevisionOf(deleted.Object) > RevisionOf(added.Object));
    }

    [Fact]
    public async Task A_watch_by_name_shows_that_object_alone()
    {
        string path = await NewCollectionAsync();
        string revision = await RevisionAsync(path);
        using var watch = await WatchReader.OpenAsync(
            server.Http, $"{path}?watch=true&fieldSelector=metadata.name%3Db&resourceVersion={revision}");

        await CreateAsync(path, "a");
        await CreateAsync(path, "b");

        Assert.Equal("ADDED b", await watch.NextTextAsync());
    }

    [Fact]
    public async Task Pods_are_watched_by_their_node_from_binding_to_deletion()
    {
        string ns = await server.NewNamespaceAsync();
        string path = $"/api/v1/namespaces/{ns}/pods";
        string node = "node-of-" + ns;
        string revision = await RevisionAsync(path);
        using var watch = await WatchReader.OpenAsync(
            server.Http, $"/api/v1/pods?watch=true&fieldSelector=spec.nodeName%3D{node}&resourceVersion={revision}");

        foreach (string name in new[] { "other", "mine" })
            await server.SendAsync(HttpMethod.Post, path, PodNamed(name));
        await server.SendAsync(HttpMethod.Post, path + "/other/binding", """{"target":{"kind":"Node","name":"elsewhere"}}""");
        await server.SendAsync(
            HttpMethod.Post, path + "/mine/binding", $$"""{"target":{"kind":"Node","name":"{{node}}"} }""");
        await server.SendAsync(HttpMethod.Delete, path + "/mine?gracePeriodSeconds=0");

        Assert.Equal("ADDED mine", await watch.NextTextAsync());
        Assert.Equal("DELETED mine", await watch.NextTextAsync());
    }

    [Fact]
    public async Task A_watch_list_ends_its_initial_events_with_an_annotated_bookmark()
    {
        string path = await NewCollectionAsync();
        await CreateAsync(path, "a");

        using var watch = await WatchReader.OpenAsync(
            server.Http,
            $"{path}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");

        Assert.Equal("ADDED a", await watch.NextTextAsync());
        var end = (await watch.NextAsync())!.Value;
        Assert.Equal("BOOKMARK", end.Type);
        Assert.Equal("true", end.Object["metadata"]!["annotations"]!["k8s.io/initial-events-end"]!.GetValue<string>());
        await CreateAsync(path, "b");
        Assert.Equal("ADDED b", await watch.NextTextAsync());
    }

    [Theory]
    [InlineData("watch=true&sendInitialEvents=true",
        "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")]
    [InlineData("watch=true&resourceVersionMatch=NotOlderThan&resourceVersion=1",
        "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")]
    [InlineData("sendInitialEvents=true",
        "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list")]
    [InlineData("resourceVersionMatch=Exact",
        "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided")]
    [InlineData("resourceVersionMatch=Exact&resourceVersion=0",
        "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")]
    [InlineData("resourceVersionMatch=Newest&resourceVersion=1",
        "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Unsupported value: \"Newest\": supported values: \"\", \"Exact\", \"NotOlderThan\"")]
    public async Task Options_that_do_not_go_together_are_refused(string query, string message)
    {
        var (code, status) = await server.SendAsync(HttpMethod.Get, "/api/v1/configmaps?" + query);

        Assert.Equal(422, code);
        Assert.Equal(message, status["message"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_watch_ends_when_its_time_is_up_after_a_last_bookmark()
    {
        string path = await NewCollectionAsync();
        string revision = await RevisionAsync(path);

        using var watch = await WatchReader.OpenAsync(
            server.Http, $"{path}?watch=true&resourceVersion={revision}&allowWatchBookmarks=true&timeoutSeconds=3");

        var bookmark = (await watch.NextAsync())!.Value;
        Assert.Equal("BOOKMARK", bookmark.Type);
        Assert.Equal("ConfigMap", bookmark.Object["kind"]!.GetValue<string>());
        Assert.True(RevisionOf(bookmark.Object) >= long.Parse(revision, CultureInfo.InvariantCulture));
        var next = await watch.NextAsync();
        while (next is { Type: "BOOKMARK" })
            next = await watch.NextAsync();
        Assert.Null(next);
    }

    [Fact]
    public async Task A_revision_of_the_future_is_refused_with_504_and_its_cause()
    {
        var (code, status) = await server.SendAsync(
            HttpMethod.Get, "/api/v1/configmaps?watch=true&resourceVersion=1000000000");

        Assert.Equal(504, code);
        Assert.StartsWith("Timeout: Too large resource version: 1000000000, current: ", status["message"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Equal("ResourceVersionTooLarge", status["details"]!["causes"]![0]!["reason"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_revision_from_before_the_server_began_is_too_old_and_a_watch_says_so_as_its_only_event()
    {
        using var watch = await WatchReader.OpenAsync(server.Http, "/api/v1/secrets?watch=true&resourceVersion=1");

        var only = await watch.NextAsync();
        var end = await watch.NextAsync();

        Assert.Equal("ERROR", only!.Value.Type);
        JsonObject status = only.Value.Object;
        Assert.Equal(410, status["code"]!.GetValue<int>());
        Assert.Equal("Expired", status["reason"]!.GetValue<string>());
        Assert.StartsWith("too old resource version: 1 (", status["message"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Null(end);
    }

    [Fact]
    public async Task Tables_are_watched_with_their_columns_in_the_first_event_alone()
    {
        string path = await NewCollectionAsync();
        await CreateAsync(path, "a");
        await CreateAsync(path, "b");

        using var watch = await WatchReader.OpenAsync(
            server.Http, $"{path}?watch=true", "application/json;as=Table;v=v1;g=meta.k8s.io");

        var first = (await watch.NextAsync())!.Value.Object;
        var second = (await watch.NextAsync())!.Value.Object;
        Assert.Equal("Name", first["columnDefinitions"]![0]!["name"]!.GetValue<string>());
        Assert.Null(second["columnDefinitions"]);
        Assert.Equal("b", second["rows"]![0]!["cells"]![0]!.GetValue<string>());
    }

    [Fact]
    public async Task Core_events_and_those_of_events_k8s_io_are_the_same_objects()
    {
        string ns = await server.NewNamespaceAsync();
        await server.SendAsync(HttpMethod.Post, $"/api/v1/namespaces/{ns}/events", $$"""
            {"metadata":{"name":"e"},"involvedObject":{"kind":"Pod","name":"p","namespace":"{{ns}}"},"reason":"Started","message":"hello",
             "source":{"component":"kubelet"},"type":"Normal","count":1,"firstTimestamp":"2026-01-01T00:00:00Z","lastTimestamp":"2026-01-01T00:00:00Z"}
            """);

        var (_, seen) = await server.SendAsync(HttpMethod.Get, $"/apis/events.k8s.io/v1/namespaces/{ns}/events/e");
        var (_, list) = await server.SendAsync(
            HttpMethod.Get, $"/apis/events.k8s.io/v1/namespaces/{ns}/events?fieldSelector=regarding.name%3Dp");

        Assert.Equal("events.k8s.io/v1", seen["apiVersion"]!.GetValue<string>());
        Assert.Equal("hello", seen["note"]!.GetValue<string>());
        Assert.Equal("p", seen["regarding"]!["name"]!.GetValue<string>());
        Assert.Single((JsonArray)list["items"]!);
    }

    private static string PodNamed(string name) =>
        $$"""{"metadata":{"name":"{{name}}"},"spec":{"containers":[{"name":"c","image":"nginx"}]} }""";

    private static long RevisionOf(JsonObject value) =>
        long.Parse(value["metadata"]!["resourceVersion"]!.GetValue<string>(), CultureInfo.InvariantCulture);

    private async Task<string> NewCollectionAsync() => $"/api/v1/namespaces/{await server.NewNamespaceAsync()}/configmaps";

    private async Task<string> RevisionAsync(string path)
    {
        var (_, list) = await server.SendAsync(HttpMethod.Get, path);
        return list["metadata"]!["resourceVersion"]!.GetValue<string>();
    }

    private async Task CreateAsync(string path, string name)
    {
        var (code, _) = await server.SendAsync(HttpMethod.Post, path, $$"""{"metadata":{"name":"{{name}}"} }""");
        Assert.Equal(201, code);
    }

    private async Task LabelAsync(string path, string name, string value)
    {
        var (code, _) = await server.SendAsync(
            HttpMethod.Patch, $"{path}/{name}", $$"""{"metadata":{"labels":{"x":{{value}} } } }""", "application/merge-patch+json");
        Assert.Equal(200, code);
    }
}
