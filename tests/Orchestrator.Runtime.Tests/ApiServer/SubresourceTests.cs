using System.Net;
using System.Text.Json.Nodes;
using Orchestrator.Runtime.Tests.ApiServer.Support;

namespace Orchestrator.Runtime.Tests.ApiServer;

public sealed class SubresourceTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private const string Deployment = """
        {"metadata":{"name":"web"},"spec":{"replicas":2,"selector":{"matchLabels":{"app":"web"}},
         "template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c","image":"nginx"}]}}}}
        """;

    [Fact]
    public async Task A_scale_and_the_state_of_components_have_tables_of_their_own()
    {
        string path = await NewDeploymentAsync() + "/scale";
        const string AsTable = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

        var (_, scale) = await server.SendAsync(HttpMethod.Get, path, accept: AsTable);
        var (_, components) = await server.SendAsync(HttpMethod.Get, "/api/v1/componentstatuses", accept: AsTable);

        Assert.Equal(["Name", "Desired", "Available", "Age"], Columns(scale));
        Assert.Equal(("web", 2, 0), (
            scale["rows"]![0]!["cells"]![0]!.GetValue<string>(), scale["rows"]![0]!["cells"]![1]!.GetValue<int>(),
            scale["rows"]![0]!["cells"]![2]!.GetValue<int>()));
        Assert.Equal(["Name", "Status", "Message", "Error"], Columns(components));
        Assert.Equal("Healthy", components["rows"]![0]!["cells"]![1]!.GetValue<string>());

        static string[] Columns(JsonObject table) =>
            [.. table["columnDefinitions"]!.AsArray().Select(column => column!["name"]!.GetValue<string>())];
    }

    [Fact]
    public async Task A_scale_changes_replicas_and_counts_the_generation()
    {
        string path = await NewDeploymentAsync();

        var (_, scale) = await server.SendAsync(HttpMethod.Get, path + "/scale");
        scale["spec"]!["replicas"] = 5;
        var (code, _) = await server.SendAsync(HttpMethod.Put, path + "/scale", scale.ToJsonString());
        var (_, deployment) = await server.SendAsync(HttpMethod.Get, path);

        Assert.Equal("app=web", scale["status"]!["selector"]!.GetValue<string>());
        Assert.Equal(200, code);
        Assert.Equal(5, deployment["spec"]!["replicas"]!.GetValue<int>());
        Assert.Equal(2, deployment["metadata"]!["generation"]!.GetValue<int>());
    }

    [Fact]
    public async Task A_status_is_written_through_its_subresource_alone()
    {
        string path = await NewDeploymentAsync();
        const string both = """{"spec":{"replicas":7},"status":{"replicas":3}}""";

        await server.SendAsync(HttpMethod.Patch, path + "/status", both, "application/merge-patch+json");
        var (_, afterStatus) = await server.SendAsync(HttpMethod.Get, path);
        await server.SendAsync(
            HttpMethod.Patch, path, """{"spec":{"replicas":7},"status":{"replicas":9}}""", "application/merge-patch+json");
        var (_, afterSpec) = await server.SendAsync(HttpMethod.Get, path);

        Assert.Equal((2, 3, 1), Numbers(afterStatus));
        Assert.Equal((7, 3, 2), Numbers(afterSpec));
    }

    [Fact]
    public async Task An_eviction_that_a_budget_forbids_is_429_with_its_cause()
    {
        string ns = await server.NewNamespaceAsync();
        await server.SendAsync(HttpMethod.Post, $"/api/v1/namespaces/{ns}/pods", """
            {"metadata":{"name":"p","labels":{"app":"a"}},"spec":{"nodeName":"n","containers":[{"name":"c","image":"nginx"}]}}
            """);
        await server.SendAsync(
            HttpMethod.Patch, $"/api/v1/namespaces/{ns}/pods/p/status",
            """{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}""", "application/merge-patch+json");
        string budgets = $"/apis/policy/v1/namespaces/{ns}/poddisruptionbudgets";
        await server.SendAsync(
            HttpMethod.Post, budgets, """{"metadata":{"name":"b"},"spec":{"minAvailable":1,"selector":{"matchLabels":{"app":"a"}}}}""");
        await server.SendAsync(
            HttpMethod.Patch, budgets + "/b/status",
            """{"status":{"observedGeneration":1,"disruptionsAllowed":0,"currentHealthy":1,"desiredHealthy":1,"expectedPods":1}}""",
            "application/merge-patch+json");
        const string eviction = """{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"p"}}""";

        var (refused, status) = await server.SendAsync(HttpMethod.Post, $"/api/v1/namespaces/{ns}/pods/p/eviction", eviction);
        await server.SendAsync(
            HttpMethod.Patch, budgets + "/b/status", """{"status":{"disruptionsAllowed":1}}""", "application/merge-patch+json");
        var (allowed, _) = await server.SendAsync(HttpMethod.Post, $"/api/v1/namespaces/{ns}/pods/p/eviction", eviction);
        var (_, pod) = await server.SendAsync(HttpMethod.Get, $"/api/v1/namespaces/{ns}/pods/p");
        var (_, budget) = await server.SendAsync(HttpMethod.Get, budgets + "/b");

        Assert.Equal(429, refused);
        Assert.Equal("DisruptionBudget", status["details"]!["causes"]![0]!["reason"]!.GetValue<string>());
        Assert.Equal(201, allowed);
        Assert.NotNull(pod["metadata"]!["deletionTimestamp"]);
        var reason = pod["status"]!["conditions"]!.AsArray().Single(condition => (string?)condition!["type"] == "DisruptionTarget")!;
        Assert.Equal(
            ("True", "EvictionByEvictionAPI", "Eviction API: evicting"),
            ((string?)reason["status"], (string?)reason["reason"], (string?)reason["message"]));
        Assert.NotNull(budget["status"]!["disruptedPods"]!["p"]);
    }

    [Fact]
    public async Task A_pod_is_bound_once()
    {
        string ns = await server.NewNamespaceAsync();
        string path = $"/api/v1/namespaces/{ns}/pods";
        await server.SendAsync(
            HttpMethod.Post, path, """{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"nginx"}]}}""");

        var (first, _) = await server.SendAsync(
            HttpMethod.Post, path + "/p/binding", """{"metadata":{"name":"p"},"target":{"kind":"Node","name":"n1"}}""");
        var (second, status) = await server.SendAsync(
            HttpMethod.Post, path + "/p/binding", """{"metadata":{"name":"p"},"target":{"kind":"Node","name":"n2"}}""");
        var (_, pod) = await server.SendAsync(HttpMethod.Get, path + "/p");

        Assert.Equal(201, first);
        Assert.Equal(409, second);
        Assert.Equal(
            "Operation cannot be fulfilled on pods/binding \"p\": pod p is already assigned to node \"n1\"",
            status["message"]!.GetValue<string>());
        Assert.Equal("n1", pod["spec"]!["nodeName"]!.GetValue<string>());
        Assert.Contains(
            (JsonArray)pod["status"]!["conditions"]!,
            condition => condition!["type"]!.GetValue<string>() == "PodScheduled" && condition["status"]!.GetValue<string>() == "True");
    }

    [Fact]
    public async Task A_namespace_goes_when_its_last_finalizer_is_finalized()
    {
        string ns = await server.NewNamespaceAsync();

        var (_, marked) = await server.SendAsync(HttpMethod.Delete, $"/api/v1/namespaces/{ns}");
        marked["spec"]!["finalizers"] = new JsonArray();
        var (code, _) = await server.SendAsync(HttpMethod.Put, $"/api/v1/namespaces/{ns}/finalize", marked.ToJsonString());
        var (gone, _) = await server.SendAsync(HttpMethod.Get, $"/api/v1/namespaces/{ns}");

        Assert.Equal("Terminating", marked["status"]!["phase"]!.GetValue<string>());
        Assert.Equal(200, code);
        Assert.Equal(404, gone);
    }

    [Fact]
    public async Task A_pod_without_a_node_has_no_log_and_runs_no_command()
    {
        string ns = await server.NewNamespaceAsync();
        await server.SendAsync(
            HttpMethod.Post, $"/api/v1/namespaces/{ns}/pods",
            """{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"nginx"},{"name":"d","image":"nginx"}]}}""");

        using var log = await server.Http.GetAsync(new Uri($"/api/v1/namespaces/{ns}/pods/p/log?container=c", UriKind.Relative));
        var (unscheduled, status) = await server.SendAsync(
            HttpMethod.Get, $"/api/v1/namespaces/{ns}/pods/p/exec?container=c&stdout=true&command=ls");
        var (noContainer, choice) = await server.SendAsync(HttpMethod.Get, $"/api/v1/namespaces/{ns}/pods/p/log");

        Assert.Equal(HttpStatusCode.NoContent, log.StatusCode);
        Assert.Equal(400, unscheduled);
        Assert.Equal("pod p does not have a host assigned", status["message"]!.GetValue<string>());
        Assert.Equal(400, noContainer);
        Assert.Equal("a container name must be specified for pod p, choose one of: [c d]", choice["message"]!.GetValue<string>());
    }

    [Fact]
    public async Task Applied_fields_belong_to_their_manager_and_conflicts_are_refused()
    {
        string ns = await server.NewNamespaceAsync();
        string path = $"/api/v1/namespaces/{ns}/configmaps/c";
        const string type = "application/apply-patch+yaml";

        var (created, _) = await server.SendAsync(
            HttpMethod.Patch, path + "?fieldManager=one", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  a: \"1\"\n  b: \"1\"\n", type);
        var (conflict, status) = await server.SendAsync(
            HttpMethod.Patch, path + "?fieldManager=two", "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: \"2\"\n", type);
        var (forced, _) = await server.SendAsync(
            HttpMethod.Patch, path + "?fieldManager=two&force=true", "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: \"2\"\n", type);
        var (_, dropped) = await server.SendAsync(
            HttpMethod.Patch, path + "?fieldManager=one", "apiVersion: v1\nkind: ConfigMap\n", type);

        Assert.Equal(201, created);
        Assert.Equal(409, conflict);
        Assert.StartsWith("Apply failed with 1 conflict: conflict with \"one\"", status["message"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Equal(200, forced);
        Assert.Equal("""{"a":"2"}""", dropped["data"]!.ToJsonString());
    }

    private static (int Replicas, int Observed, int Generation) Numbers(JsonObject deployment) => (
        deployment["spec"]!["replicas"]!.GetValue<int>(), deployment["status"]!["replicas"]!.GetValue<int>(),
        deployment["metadata"]!["generation"]!.GetValue<int>());

    private async Task<string> NewDeploymentAsync()
    {
        string path = $"/apis/apps/v1/namespaces/{await server.NewNamespaceAsync()}/deployments";
        var (code, _) = await server.SendAsync(HttpMethod.Post, path, Deployment);
        Assert.Equal(201, code);
        return path + "/web";
    }
}
