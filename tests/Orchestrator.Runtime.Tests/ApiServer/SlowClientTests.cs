using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Orchestrator.Runtime.Tests.ApiServer.Support;

namespace Orchestrator.Runtime.Tests.ApiServer;

/// <summary>Clients that do not read, do not send, or send what is meant to hurt: they get their answer, and nobody else feels it.</summary>
public sealed class SlowClientTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    /// <summary>More than what the kernel's buffers take of a connection that nobody reads.</summary>
    private const int ManyBytes = 24 * 1024 * 1024;

    private static readonly TimeSpan Short = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task A_watch_that_nobody_reads_is_cut_off_and_the_others_go_on()
    {
        await using var host = await server.StartServerAsync(options => options.WatchStallLimit = TimeSpan.FromSeconds(5));
        using var http = ServerFixture.ClientOf(host);
        string path = $"/api/v1/namespaces/{await server.NewNamespaceAsync()}/configmaps";
        using var deaf = await RawClient.ConnectAsync(host.Address);
        await deaf.SendAsync($"GET {path}?watch=true HTTP/1.1\r\nHost: x\r\n\r\n");
        using var watch = await WatchReader.OpenAsync(http, $"{path}?watch=true");
        await UntilAsync(async () => await OpenWatchesAsync(http) == 2);

        var hearing = HearAsync(watch);
        int sent = 0;
        for (int bytes = 0; bytes < ManyBytes; bytes += BigBody("x").Length, sent++)
            Assert.Equal(201, (await ServerFixture.SendAsync(http, HttpMethod.Post, path, BigBody($"c{sent}"))).Code);
        await ServerFixture.SendAsync(http, HttpMethod.Post, path, """{"metadata":{"name":"last"}}""");
        Assert.Equal(Enumerable.Range(0, sent).Select(i => $"ADDED c{i}"), await hearing);

        await UntilAsync(async () => await OpenWatchesAsync(http) == 1);
        string heard = await deaf.ReadToEndAsync();
        Assert.InRange(heard.Length, 1, ManyBytes - 1);
        await ServerFixture.SendAsync(http, HttpMethod.Delete, path);
    }

    [Fact]
    public async Task A_list_that_nobody_reads_is_given_up()
    {
        await using var host = await server.StartServerAsync(options => options.RequestTimeout = TimeSpan.FromSeconds(5));
        using var http = ServerFixture.ClientOf(host);
        string path = $"/api/v1/namespaces/{await server.NewNamespaceAsync()}/configmaps";
        for (int i = 0, bytes = 0; bytes < ManyBytes; bytes += BigBody("x").Length, i++)
            Assert.Equal(201, (await server.SendAsync(HttpMethod.Post, path, BigBody($"c{i}"))).Code);
        using var deaf = await RawClient.ConnectAsync(host.Address);

        await deaf.SendAsync($"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        await UntilAsync(async () => await AnsweredListsAsync(http) == 1);

        Assert.InRange((await deaf.ReadToEndAsync()).Length, 1, ManyBytes - 1);
        await server.SendAsync(HttpMethod.Delete, path);
    }

    [Fact]
    public async Task A_body_that_does_not_come_is_waited_for_with_a_limit()
    {
        await using var host = await server.StartServerAsync(options => options.RequestTimeout = Short);
        using var slow = await RawClient.ConnectAsync(host.Address);

        await slow.SendAsync("POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
        string answer = await slow.ReadToEndAsync();

        Assert.StartsWith("HTTP/1.1 504 ", answer, StringComparison.Ordinal);
        var status = JsonNode.Parse(answer[answer.IndexOf("\r\n\r\n", StringComparison.Ordinal)..].Trim())!;
        Assert.Equal("Timeout", (string?)status["reason"]);
        Assert.Equal("request did not complete within the allotted timeout", ((string?)status["message"])!.Split(": ")[^1]);
    }

    [Fact]
    public async Task Headers_beyond_their_limit_are_431()
    {
        const int Tries = 20;
        for (int left = Tries; ; left--)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/version") { Version = HttpVersion.Version11 };
            request.Headers.TryAddWithoutValidation("X-Big", new string('x', 200 * 1024));
            try
            {
                using var response = await server.Http.SendAsync(request);
                Assert.Equal(431, (int)response.StatusCode);
                return;
            }
            catch (HttpRequestException) when (left > 0)
            {
                // The server has answered and closed before all was sent, and this client does not look for answers then.
            }
        }
    }

    [Theory]
    [InlineData("POST", "", "application/json", """{"metadata":{"name":"deep"},"data":""", "[", "]", "}")]
    [InlineData("POST", "", "application/json", """{"metadata":{"name":"deep","unknown":""", """{"a":""", "}", "}}")]
    [InlineData("POST", "", "application/yaml", "metadata: {name: deep}\ndata: ", "[", "]", "")]
    [InlineData("PATCH", "/kube-root", "application/merge-patch+json", """{"data":""", """{"a":""", "}", "}")]
    [InlineData("PATCH", "/kube-root", "application/strategic-merge-patch+json", """{"data":""", """{"a":""", "}", "}")]
    [InlineData("PATCH", "/kube-root", "application/json-patch+json", """[{"op":"add","path":"/data/a","value":""", "[", "]", "}]")]
    [InlineData("PATCH", "/kube-root?fieldManager=x", "application/apply-patch+yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kube-root}\ndata: ", "[", "]", "")]
    [InlineData("DELETE", "/kube-root", "application/json", """{"preconditions":""", """{"a":""", "}", "}")]
    public async Task What_is_nested_too_deep_is_refused(string method, string name, string type, string start, string open, string close, string end)
    {
        string path = $"/api/v1/namespaces/{await server.NewNamespaceAsync()}/configmaps";
        await server.SendAsync(HttpMethod.Post, path, """{"metadata":{"name":"kube-root"},"data":{"x":"y"}}""");
        const int depth = 100_000;
        var body = new StringBuilder(start);
        for (int i = 0; i < depth; i++)
            body.Append(open);
        body.Append(open == "[" ? "" : "1");
        for (int i = 0; i < depth; i++)
            body.Append(close);

        var (code, status) = await server.SendAsync(new HttpMethod(method), path + name, body.Append(end).ToString(), type);

        Assert.True(code is 400 or 413 or 422, $"{code} {status.ToJsonString()[..Math.Min(400, status.ToJsonString().Length)]}");
        Assert.Equal("Status", (string?)status["kind"]);
        Assert.Equal(200, (await server.SendAsync(HttpMethod.Get, path + "/kube-root")).Code);
    }

    [Fact]
    public async Task Aliases_that_multiply_are_refused_and_hurt_nobody()
    {
        var yaml = new StringBuilder("metadata: {name: bomb}\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for (int level = 1; level < 20; level++)
            yaml.Append($"a{level}: &a{level} [").AppendJoin(',', Enumerable.Repeat($"*a{level - 1}", 10)).Append("]\n");

        var (code, status) = await server.SendAsync(HttpMethod.Post, "/api/v1/namespaces/default/configmaps", yaml.ToString(), "application/yaml");

        Assert.Equal((400, "BadRequest"), (code, (string?)status["reason"]));
    }

    [Fact]
    public async Task A_server_with_many_watches_ends_soon_and_ends_them_all()
    {
        var host = await server.StartServerAsync();
        using var http = ServerFixture.ClientOf(host);
        http.DefaultRequestVersion = HttpVersion.Version20;
        http.DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        string path = $"/api/v1/namespaces/{await server.NewNamespaceAsync()}/configmaps?watch=true";
        using var deaf = await RawClient.ConnectAsync(host.Address);
        await deaf.SendAsync($"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        var watches = new List<WatchReader>();
        for (int i = 0; i < 500; i++)
            watches.Add(await WatchReader.OpenAsync(http, path));

        await host.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60));

        foreach (var watch in watches)
        {
            Assert.Equal("END", await watch.NextTextAsync());
            watch.Dispose();
        }
    }

    private static async Task<List<string>> HearAsync(WatchReader watch)
    {
        var heard = new List<string>();
        while (await watch.NextTextAsync() is var next && next != "ADDED last")
            heard.Add(next);
        return heard;
    }

    private static string BigBody(string name) =>
        $$$"""{"metadata":{"name":"{{{name}}}"},"data":{"a":"{{{new string('x', 1000 * 1000)}}}"}}""";

    private static Task<int> OpenWatchesAsync(HttpClient http) => MetricAsync(http, "apiserver_longrunning_requests", "verb=\"WATCH\"");

    private static Task<int> AnsweredListsAsync(HttpClient http) => MetricAsync(http, "apiserver_request_duration_seconds_count", "verb=\"LIST\"");

    private static async Task<int> MetricAsync(HttpClient http, string name, string label)
    {
        string text = await http.GetStringAsync("/metrics");
        string? line = text.Split('\n').FirstOrDefault(line => line.StartsWith(name + "{", StringComparison.Ordinal)
            && line.Contains(label, StringComparison.Ordinal) && line.Contains("resource=\"configmaps\"", StringComparison.Ordinal));
        return line is null ? 0 : int.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        var deadline = DateTime.UtcNow.AddSeconds(120);
        while (!await isSo())
        {
            Assert.True(DateTime.UtcNow < deadline, "it did not come true");
            await Task.Delay(50);
        }
    }
}
