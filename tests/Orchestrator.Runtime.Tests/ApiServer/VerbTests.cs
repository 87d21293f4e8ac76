using System.Text.Json.Nodes;
using Orchestrator.Runtime.Tests.ApiServer.Support;

namespace Orchestrator.Runtime.Tests.ApiServer;

/// <summary>Each verb over HTTP.</summary>
public sealed class VerbTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private const string Pod = """
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","labels":{"app":"web"}},
         "spec":{"containers":[{"name":"c","image":"nginx:1.27"}]}}
        """;

    [Fact]
    public async Task A_created_object_is_answered_with_201_and_its_system_fields()
    {
        string ns = await server.NewNamespaceAsync();

        var (code, pod) = await server.SendAsync(HttpMethod.Post, $"/api/v1/namespaces/{ns}/pods", Pod);

        Assert.Equal(201, code);
        Assert.Equal(ns, Text(pod, "metadata", "namespace"));
        Assert.NotEmpty(Text(pod, "metadata", "uid"));
        Assert.NotEmpty(Text(pod, "metadata", "resourceVersion"));
        Assert.NotEmpty(Text(pod, "metadata", "creationTimestamp"));
        Assert.Equal("Pending", Text(pod, "status", "phase"));
        Assert.Equal("Always", Text(pod, "spec", "restartPolicy"));
    }

    [Fact]
    public async Task What_was_created_can_be_read_and_listed()
    {
        string ns = await server.NewNamespaceAsync();
        var (_, created) = await server.SendAsync(HttpMethod.Post, $"/api/v1/namespaces/{ns}/pods", Pod);

        var (code, read) = await server.SendAsync(HttpMethod.Get, $"/api/v1/namespaces/{ns}/pods/web");
        var (_, list) = await server.SendAsync(HttpMethod.Get, $"/api/v1/namespaces/{ns}/pods");

        Assert.Equal(200, code);
        Assert.True(JsonNode.DeepEquals(created, read));
        Assert.Equal("PodList", Text(list, "kind"));
        // The list has said what its items are.
        created.Remove("kind");
        created.Remove("apiVersion");
        Assert.True(JsonNode.DeepEquals(created, Assert.Single((JsonArray)list["items"]!)));
    }

    [Fact]
    public async Task A_name_that_is_taken_is_refused_with_AlreadyExists()
    {
        string ns = await server.NewNamespaceAsync();
        await server.SendAsync(HttpMethod.Post, $"/api/v1/namespaces/{ns}/pods", Pod);

        var (code, status) = await server.SendAsync(HttpMethod.Post, $"/api/v1/namespaces/{ns}/pods", Pod);

        Assert.Equal(409, code);
        Assert.Equal("AlreadyExists", Text(status, "reason"));
        Assert.Equal("pods \"web\" already exists", Text(status, "message"));
    }

    [Fact]
    public async Task A_stale_update_is_refused_with_Conflict_and_changes_nothing()
    {
        string ns = await server.NewNamespaceAsync();
        string path = $"/api/v1/namespaces/{ns}/configmaps";
        var (_, first) = await server.SendAsync(HttpMethod.Post, path, """{"metadata":{"name":"c"},"data":{"a":"1"}}""");
        first["data"]!["a"] = "2";
        var (_, second) = await server.SendAsync(HttpMethod.Put, path + "/c", first.ToJsonString());
        first["data"]!["a"] = "3";

        var (code, status) = await server.SendAsync(HttpMethod.Put, path + "/c", first.ToJsonString());
        var (_, read) = await server.SendAsync(HttpMethod.Get, path + "/c");

        Assert.Equal(409, code);
        Assert.Equal(
            "Operation cannot be fulfilled on configmaps \"c\": the object has been modified; please apply your changes to the latest version and try again",
            Text(status, "message"));
        Assert.True(JsonNode.DeepEquals(second, read));
    }

    [Fact]
    public async Task An_update_that_changes_nothing_keeps_the_resourceVersion()
    {
        string ns = await server.NewNamespaceAsync();
        string path = $"/api/v1/namespaces/{ns}/configmaps";
        var (_, first) = await server.SendAsync(HttpMethod.Post, path, """{"metadata":{"name":"c"},"data":{"a":"1"}}""");

        var (code, second) = await server.SendAsync(HttpMethod.Put, path + "/c", first.ToJsonString());

        Assert.Equal(200, code);
        Assert.Equal(Text(first, "metadata", "resourceVersion"), Text(second, "metadata", "resourceVersion"));
    }

    [Theory]
    [InlineData("application/merge-patch+json", """{"data":{"b":"2"}}""")]
    [InlineData("application/strategic-merge-patch+json", """{"data":{"b":"2"}}""")]
    [InlineData("application/json-patch+json", """[{"op":"add","path":"/data/b","value":"2"}]""")]
    public async Task A_patch_changes_what_it_names(string type, string patch)
    {
        string ns = await server.NewNamespaceAsync();
        string path = $"/api/v1/namespaces/{ns}/configmaps";
        await server.SendAsync(HttpMethod.Post, path, """{"metadata":{"name":"c"},"data":{"a":"1"}}""");

        var (code, patched) = await server.SendAsync(HttpMethod.Patch, path + "/c", patch, type);

        Assert.Equal(200, code);
        Assert.Equal("1", Text(patched, "data", "a"));
        Assert.Equal("2", Text(patched, "data", "b"));
    }

    [Fact]
    public async Task A_deleted_object_is_gone_and_answered_with_its_uid()
    {
        string ns = await server.NewNamespaceAsync();
        string path = $"/api/v1/namespaces/{ns}/configmaps";
        var (_, created) = await server.SendAsync(HttpMethod.Post, path, """{"metadata":{"name":"c"}}""");

        var (code, status) = await server.SendAsync(HttpMethod.Delete, path + "/c");
        var (after, missing) = await server.SendAsync(HttpMethod.Get, path + "/c");

        Assert.Equal(200, code);
        Assert.Equal("Success", Text(status, "status"));
        Assert.Equal(Text(created, "metadata", "uid"), Text(status, "details", "uid"));
        Assert.Equal(404, after);
        Assert.Equal("configmaps \"c\" not found", Text(missing, "message"));
    }

    [Fact]
    public async Task A_finalizer_keeps_a_deleted_object_until_it_is_taken_away()
    {
        string ns = await server.NewNamespaceAsync();
        string path = $"/api/v1/namespaces/{ns}/configmaps";
        await server.SendAsync(HttpMethod.Post, path, """{"metadata":{"name":"c","finalizers":["example.com/wait"]}}""");

        var (_, marked) = await server.SendAsync(HttpMethod.Delete, path + "/c");
        var (still, _) = await server.SendAsync(HttpMethod.Get, path + "/c");
        await server.SendAsync(
            HttpMethod.Patch, path + "/c", """{"metadata":{"finalizers":null}}""", "application/merge-patch+json");
        var (gone, _) = await server.SendAsync(HttpMethod.Get, path + "/c");

        Assert.NotEmpty(Text(marked, "metadata", "deletionTimestamp"));
        Assert.Equal(200, still);
        Assert.Equal(404, gone);
    }

    [Fact]
    public async Task A_scheduled_pod_is_deleted_gracefully_and_an_unscheduled_one_at_once()
    {
        string ns = await server.NewNamespaceAsync();
        string path = $"/api/v1/namespaces/{ns}/pods";
        await server.SendAsync(HttpMethod.Post, path, Pod);
        await server.SendAsync(HttpMethod.Post, path, Pod.Replace("\"web\",", "\"bound\",", StringComparison.Ordinal));
        var (bound, _) = await server.SendAsync(
            HttpMethod.Post, path + "/bound/binding", """{"target":{"kind":"Node","name":"n1"}}""");

        await server.SendAsync(HttpMethod.Delete, path + "/web");
        var (_, marked) = await server.SendAsync(HttpMethod.Delete, path + "/bound");
        var (unscheduled, _) = await server.SendAsync(HttpMethod.Get, path + "/web");
        var (scheduled, _) = await server.SendAsync(HttpMethod.Get, path + "/bound");
        await server.SendAsync(HttpMethod.Delete, path + "/bound", """{"gracePeriodSeconds":0}""");
        var (afterForce, _) = await server.SendAsync(HttpMethod.Get, path + "/bound");

        Assert.Equal(201, bound);
        Assert.Equal("30", marked["metadata"]!["deletionGracePeriodSeconds"]!.ToString());
        Assert.Equal(404, unscheduled);
        Assert.Equal(200, scheduled);
        Assert.Equal(404, afterForce);
    }

    [Fact]
    public async Task A_dry_run_stores_nothing()
    {
        string ns = await server.NewNamespaceAsync();
        string path = $"/api/v1/namespaces/{ns}/configmaps";

        var (code, _) = await server.SendAsync(HttpMethod.Post, path + "?dryRun=All", """{"metadata":{"name":"c"}}""");
        var (after, _) = await server.SendAsync(HttpMethod.Get, path + "/c");

        Assert.Equal(201, code);
        Assert.Equal(404, after);
    }

    [Fact]
    public async Task A_collection_is_deleted_by_its_labels()
    {
        string ns = await server.NewNamespaceAsync();
        string path = $"/api/v1/namespaces/{ns}/configmaps";
        await server.SendAsync(HttpMethod.Post, path, """{"metadata":{"name":"a","labels":{"x":"1"}}}""");
        await server.SendAsync(HttpMethod.Post, path, """{"metadata":{"name":"b","labels":{"x":"2"}}}""");

        var (code, _) = await server.SendAsync(HttpMethod.Delete, path + "?labelSelector=x%3D1");
        var (_, list) = await server.SendAsync(HttpMethod.Get, path);

        Assert.Equal(200, code);
        Assert.Equal("b", Text((JsonObject)Assert.Single((JsonArray)list["items"]!)!, "metadata", "name"));
    }

    [Fact]
    public async Task Unknown_fields_are_refused_under_Strict()
    {
        string ns = await server.NewNamespaceAsync();

        var (code, status) = await server.SendAsync(
            HttpMethod.Post, $"/api/v1/namespaces/{ns}/configmaps?fieldValidation=Strict", """{"metadata":{"name":"c"},"dta":{}}""");

        Assert.Equal(400, code);
        Assert.Equal(
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"dta\"",
            Text(status, "message"));
    }

    [Fact]
    public async Task A_generated_name_begins_with_its_prefix()
    {
        string ns = await server.NewNamespaceAsync();

        var (code, created) = await server.SendAsync(
            HttpMethod.Post, $"/api/v1/namespaces/{ns}/configmaps", """{"metadata":{"generateName":"c-"}}""");

        Assert.Equal(201, code);
        Assert.Matches("^c-[bcdfghjklmnpqrstvwxz2456789]{5}$", Text(created, "metadata", "name"));
    }

    [Fact]
    public async Task A_table_has_the_columns_that_kubectl_shows()
    {
        string ns = await server.NewNamespaceAsync();
        await server.SendAsync(HttpMethod.Post, $"/api/v1/namespaces/{ns}/pods", Pod);

        var (_, table) = await server.SendAsync(
            HttpMethod.Get, $"/api/v1/namespaces/{ns}/pods", accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");

        Assert.Equal("Table", Text(table, "kind"));
        Assert.Equal(
            ["Name", "Ready", "Status", "Restarts", "Age"],
            ((JsonArray)table["columnDefinitions"]!).Where(column => column!["priority"]!.GetValue<int>() == 0)
                .Select(column => column!["name"]!.GetValue<string>()));
        var row = (JsonObject)Assert.Single((JsonArray)table["rows"]!)!;
        Assert.Equal("web", row["cells"]![0]!.GetValue<string>());
        Assert.Equal("PartialObjectMetadata", Text(row, "object", "kind"));
    }

    private static string Text(JsonObject json, params ReadOnlySpan<string> path)
    {
        JsonNode? node = json;
        foreach (string name in path)
            node = node?[name];
        return node?.GetValue<string>() ?? "";
    }
}
