using System.Text.Json.Nodes;
using Orchestrator.Runtime.Tests.ApiServer.Support;

namespace Orchestrator.Runtime.Tests.ApiServer;

/// <summary>What clients are told that send what can not be served.</summary>
public sealed class BadInputTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    [Theory]
    [InlineData("POST", "/api/v1/namespaces/default/configmaps", "{", "application/json", 400, "BadRequest")]
    [InlineData("POST", "/api/v1/namespaces/default/configmaps", "", "application/json", 400, "BadRequest")]
    [InlineData("POST", "/api/v1/namespaces/default/configmaps", "[]", "application/json", 400, "BadRequest")]
    [InlineData("POST", "/api/v1/namespaces/default/configmaps", "a: [", "application/yaml", 400, "BadRequest")]
    [InlineData("POST", "/api/v1/namespaces/default/configmaps", "<a/>", "text/xml", 415, "UnsupportedMediaType")]
    [InlineData("POST", "/api/v1/namespaces/default/configmaps", "k8s", "application/vnd.kubernetes.protobuf", 400, "BadRequest")]
    [InlineData("POST", "/api/v1/namespaces/default/configmaps", """{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a"}}""", "application/json", 400, "BadRequest")]
    [InlineData("POST", "/api/v1/namespaces/default/configmaps", """{"kind":"Secret","apiVersion":"v1","metadata":{"name":"a"}}""", "application/json", 400, "BadRequest")]
    [InlineData("POST", "/api/v1/namespaces/default/configmaps", """{"metadata":{"name":"a","namespace":"other"}}""", "application/json", 400, "BadRequest")]
    [InlineData("POST", "/api/v1/namespaces/default/configmaps", """{"metadata":{"name":"A_b"}}""", "application/json", 422, "Invalid")]
    [InlineData("POST", "/api/v1/namespaces/default/configmaps", """{"metadata":{}}""", "application/json", 422, "Invalid")]
    [InlineData("POST", "/api/v1/namespaces/default/configmaps", """{"metadata":{"name":"a","labels":{"x":1}}}""", "application/json", 400, "BadRequest")]
    [InlineData("POST", "/api/v1/namespaces/default/configmaps?dryRun=Some", """{"metadata":{"name":"a"}}""", "application/json", 422, "Invalid")]
    [InlineData("POST", "/api/v1/configmaps", """{"metadata":{"name":"a"}}""", "application/json", 405, "MethodNotAllowed")]
    [InlineData("PUT", "/api/v1/namespaces/default/configmaps/a", """{"metadata":{"name":"b"}}""", "application/json", 400, "BadRequest")]
    [InlineData("PUT", "/api/v1/namespaces/default/configmaps/nope", """{"metadata":{"name":"nope"}}""", "application/json", 404, "NotFound")]
    [InlineData("PATCH", "/api/v1/namespaces/default/configmaps/a", "{}", "application/json", 415, "UnsupportedMediaType")]
    [InlineData("PATCH", "/api/v1/namespaces/default/services/kubernetes", "[", "application/json-patch+json", 400, "BadRequest")]
    [InlineData("PATCH", "/api/v1/namespaces/default/configmaps/a", "{}", "application/apply-patch+yaml", 422, "Invalid")]
    [InlineData("PATCH", "/api/v1/namespaces/default/services/kubernetes", """[{"op":"add","path":"/spec/selector","value":{"a":7}}]""", "application/json-patch+json", 422, "Invalid")]
    [InlineData("PATCH", "/api/v1/namespaces/default/services/kubernetes", """{"metadata":{"name":"other"}}""", "application/merge-patch+json", 400, "BadRequest")]
    [InlineData("PATCH", "/api/v1/namespaces/default/services/kubernetes", """{"metadata":{"namespace":"other"}}""", "application/merge-patch+json", 400, "BadRequest")]
    [InlineData("PATCH", "/api/v1/namespaces/default/services/kubernetes", """[{"op":"remove","path":"/metadata/name"}]""", "application/json-patch+json", 400, "BadRequest")]
    [InlineData("DELETE", "/api/v1/namespaces/default/configmaps/nope", null, "application/json", 404, "NotFound")]
    [InlineData("DELETE", "/api/v1/namespaces/default/services/kubernetes?propagationPolicy=Sideways", null, "application/json", 422, "Invalid")]
    [InlineData("DELETE", "/api/v1/namespaces/default/services/kubernetes", """{"preconditions":{"uid":"x"}}""", "application/json", 409, "Conflict")]
    [InlineData("GET", "/api/v1/pods?labelSelector=a%3D%3D%3Db", null, "application/json", 400, "BadRequest")]
    [InlineData("GET", "/api/v1/pods?resourceVersion=x", null, "application/json", 400, "BadRequest")]
    [InlineData("GET", "/api/v1/namespaces/default/pods/a/nothing", null, "application/json", 404, "NotFound")]
    public async Task Every_refusal_is_a_Status(string method, string path, string? body, string type, int code, string reason)
    {
        var (found, status) = await server.SendAsync(new HttpMethod(method), path, body, type);

        Assert.Equal((code, "Status", "Failure", reason), (
            found, status["kind"]?.GetValue<string>(), status["status"]?.GetValue<string>(), status["reason"]?.GetValue<string>()));
        Assert.Equal(code, status["code"]!.GetValue<int>());
    }

    [Fact]
    public async Task A_value_of_the_wrong_type_is_named_before_fields_that_nobody_knows()
    {
        const string Body = """{"metadata":{"name":"a"},"spec":{"nonsense":1,"containers":{"name":"c"}}}""";

        var (code, status) = await server.SendAsync(HttpMethod.Post, "/api/v1/namespaces/default/pods?fieldValidation=Strict", Body);

        Assert.Equal(400, code);
        Assert.Equal(
            "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
            status["message"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_body_beyond_3_MiB_is_413()
    {
        string body = new JsonObject { ["data"] = new JsonObject { ["a"] = new string('x', 3 * 1024 * 1024) } }.ToJsonString();

        var (code, status) = await server.SendAsync(HttpMethod.Post, "/api/v1/namespaces/default/configmaps", body);

        Assert.Equal(413, code);
        Assert.Equal("Request entity too large: limit is 3145728", status["message"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("/api/v1/nonsense")]
    [InlineData("/apis/nonsense/v1")]
    [InlineData("/nonsense")]
    public async Task A_path_that_nobody_serves_is_404(string path)
    {
        var (code, _) = await server.SendAsync(HttpMethod.Get, path);

        Assert.Equal(404, code);
    }
}
