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

    [Theory]
    [InlineData("""{"dryRun":"All"}""", 400, "json: cannot unmarshal string into Go struct field DeleteOptions.dryRun of type []string")]
    [InlineData("""{"dryRun":["Some"]}""", 422, "DeleteOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"Some\": supported values: \"All\"")]
    [InlineData("""{"preconditions":["uid"]}""", 400, "json: cannot unmarshal array into Go struct field DeleteOptions.preconditions of type v1.Preconditions")]
    [InlineData("""{"gracePeriodSeconds":"1"}""", 400, "json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64")]
    [InlineData("""{"kind":"Pod","apiVersion":"v1"}""", 400, "no kind \"Pod\" is registered for version \"v1\": expected DeleteOptions")]
    [InlineData("[]", 400, "json: cannot unmarshal array into Go value of type v1.DeleteOptions")]
    public async Task Options_of_a_deletion_that_are_not_understood_delete_nothing(string options, int code, string message)
    {
        string ns = await server.NewNamespaceAsync();
        string path = $"/api/v1/namespaces/{ns}/configmaps";
        await server.SendAsync(HttpMethod.Post, path, """{"metadata":{"name":"a"}}""");

        var (found, status) = await server.SendAsync(HttpMethod.Delete, path + "/a", options);
        var (all, _) = await server.SendAsync(HttpMethod.Delete, path, options);

        Assert.Equal((code, message), (found, status["message"]!.GetValue<string>()));
        Assert.Equal(code, all);
        Assert.Equal(200, (await server.SendAsync(HttpMethod.Get, path + "/a")).Code);
    }

    [Theory]
    [InlineData("POST", "application/json", "{\"metadata\":{\"name\":\"NAME\"},\"data\":{\"a\":\"x?y\"}}")]
    [InlineData("PATCH", "application/merge-patch+json", "{\"data\":{\"a\":\"x?y\"}}")]
    [InlineData("PATCH", "application/strategic-merge-patch+json", "{\"data\":{\"a\":\"x?y\"}}")]
    [InlineData("PATCH", "application/json-patch+json", "[{\"op\":\"add\",\"path\":\"/data\",\"value\":{\"a\":\"x?y\"}}]")]
    [InlineData("PATCH", "application/apply-patch+yaml", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"data\":{\"a\":\"x?y\"}}")]
    public async Task What_is_no_character_becomes_a_replacement_character(string method, string type, string body)
    {
        string path = $"/api/v1/namespaces/{await server.NewNamespaceAsync()}/configmaps";
        foreach (string name in (string[])["half", "byte"])
        {
            if (method == "PATCH")
                await server.SendAsync(HttpMethod.Post, path, $$$"""{"metadata":{"name":"{{{name}}}"} }""");
            // A half of a surrogate pair, and a byte that begins nothing.
            byte[] bytes = [.. System.Text.Encoding.ASCII.GetBytes(body.Replace("NAME", name, StringComparison.Ordinal))
                .SelectMany(letter => letter != '?' ? [letter] : name == "half" ? "\\ud800"u8.ToArray() : [0xff])];
            using var request = new HttpRequestMessage(new HttpMethod(method), method == "PATCH" ? $"{path}/{name}?fieldManager=test" : path)
            {
                Content = new ByteArrayContent(bytes) { Headers = { ContentType = new(type) } },
            };

            using var answer = await server.Http.SendAsync(request);

            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
            Assert.Equal("x\ufffdy", (string?)(await server.SendAsync(HttpMethod.Get, $"{path}/{name}")).Body["data"]!["a"]);
        }
    }

    [Fact]
    public async Task A_key_that_is_no_text_is_refused_by_its_rule_and_not_by_an_error_of_the_server()
    {
        string path = $"/api/v1/namespaces/{await server.NewNamespaceAsync()}/configmaps";
        await server.SendAsync(HttpMethod.Post, path, """{"metadata":{"name":"a"}}""");
        using var request = new HttpRequestMessage(HttpMethod.Patch, path + "/a")
        {
            Content = new ByteArrayContent([.. "{\"data\":{\""u8, 0xff, .. "\":\"b\"}}"u8]) { Headers = { ContentType = new("application/merge-patch+json") } },
        };

        using var answer = await server.Http.SendAsync(request);

        Assert.Equal(422, (int)answer.StatusCode);
    }

    [Theory]
    [InlineData("application/merge-patch+json", """{"data":{"a":"1","a":"2"},"metadata":{"labels":{"l":"1"}},"metadata":{"labels":{"l":"2"}}}""")]
    [InlineData("application/strategic-merge-patch+json", """{"data":{"a":"1","a":"2"},"metadata":{"labels":{"l":"1"}},"metadata":{"labels":{"l":"2"}}}""")]
    [InlineData("application/apply-patch+yaml", """{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"1","a":"2"},"metadata":{"labels":{"l":"1"}},"metadata":{"labels":{"l":"2"}}}""")]
    public async Task Of_a_key_that_comes_twice_in_a_patch_the_last_counts_and_the_client_is_told(string type, string patch)
    {
        string path = $"/api/v1/namespaces/{await server.NewNamespaceAsync()}/configmaps";
        await server.SendAsync(HttpMethod.Post, path, """{"metadata":{"name":"a"}}""");
        using var request = new HttpRequestMessage(HttpMethod.Patch, path + "/a?fieldManager=test")
        {
            Content = new ByteArrayContent(System.Text.Encoding.UTF8.GetBytes(patch)) { Headers = { ContentType = new(type) } },
        };

        using var answer = await server.Http.SendAsync(request);
        var (strict, _) = await server.SendAsync(HttpMethod.Patch, path + "/a?fieldManager=test&fieldValidation=Strict", patch, type);

        string text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, text);
        var map = JsonNode.Parse(text)!;
        Assert.Equal(("2", "2"), ((string?)map["data"]!["a"], (string?)map["metadata"]!["labels"]!["l"]));
        Assert.Contains("299 - \"duplicate field \\\"data.a\\\"\"", string.Join('\n', answer.Headers.GetValues("Warning")));
        Assert.True(strict is 400 or 422, $"{strict}");
    }

    [Theory]
    [InlineData("soon", 400, "invalid timeout specified in the request URL - time: invalid duration \"soon\"")]
    [InlineData("5", 400, "invalid timeout specified in the request URL - time: invalid duration \"5\"")]
    [InlineData("1ms", 504, "Timeout: request did not complete within the allotted timeout")]
    [InlineData("0s", 504, "Timeout: Too large resource version: 999999999, current: N")]
    [InlineData("0", 504, "Timeout: Too large resource version: 999999999, current: N")]
    [InlineData("1m30s", 504, "Timeout: Too large resource version: 999999999, current: N")]
    [InlineData("1000h", 504, "Timeout: Too large resource version: 999999999, current: N")]
    public async Task A_request_takes_no_longer_than_its_client_says(string timeout, int code, string message)
    {
        // The server waits for a state that it has not seen, for a few seconds.
        var (found, status) = await server.SendAsync(HttpMethod.Get, $"/api/v1/namespaces?resourceVersion=999999999&timeout={timeout}");

        string text = System.Text.RegularExpressions.Regex.Replace((string)status["message"]!, "current: [0-9]+", "current: N");
        Assert.Equal((code, message), (found, text));
    }

    [Theory]
    [InlineData("limit=x", "strconv.ParseInt: parsing \"x\": invalid syntax")]
    [InlineData("limit=99999999999999999999", "strconv.ParseInt: parsing \"99999999999999999999\": value out of range")]
    [InlineData("resourceVersion=-1", "Invalid value for resourceVersion: \"-1\": strconv.ParseUint: parsing \"-1\": invalid syntax")]
    [InlineData("resourceVersion=99999999999999999999", "Invalid value for resourceVersion: \"99999999999999999999\": strconv.ParseUint: parsing \"99999999999999999999\": value out of range")]
    [InlineData("continue=a*c", "continue key is not valid: illegal base64 data at input byte 1")]
    [InlineData("continue=YWJj", "continue key is not valid: it holds no list's state")]
    public async Task A_number_or_token_that_cannot_be_read_is_named(string query, string message)
    {
        var (code, status) = await server.SendAsync(HttpMethod.Get, "/api/v1/configmaps?" + query);

        Assert.Equal((400, message), (code, status["message"]!.GetValue<string>()));
    }

    [Fact]
    public async Task Of_a_parameter_that_comes_twice_the_first_counts()
    {
        var (code, list) = await server.SendAsync(HttpMethod.Get, "/api/v1/namespaces?watch=false&watch=true&limit=1&limit=3");

        Assert.Equal((200, "NamespaceList", 1), (code, (string?)list["kind"], list["items"]!.AsArray().Count));
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task A_long_selector_is_read_whatever_the_protocol(string version)
    {
        string labels = string.Join(',', Enumerable.Range(0, 3000).Select(number => $"label-{number}"));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/pods?labelSelector=" + labels)
        {
            Version = Version.Parse(version), VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

        using var answer = await server.Http.SendAsync(request);

        Assert.Equal(200, (int)answer.StatusCode);
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
