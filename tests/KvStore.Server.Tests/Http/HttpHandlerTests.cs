using System.Diagnostics.Metrics;
using System.Text;
using System.Text.Json;
using KvStore.Server.Configuration;
using KvStore.Server.Http;
using KvStore.Server.Telemetry;
using Microsoft.AspNetCore.Http;

namespace KvStore.Server.Tests.Http;

public sealed class HttpHandlerTests : IDisposable
{
    private readonly FakeServer _server = new();
    private readonly Meter _meter = new("test");

    public void Dispose() => _meter.Dispose();

    private HttpHandler Handler(params string[] flags) => new(
        ConfigurationReader.FromFlags(flags), _server, new HealthMetrics(_meter),
        _ => Task.FromResult("etcd_server_has_leader 1\n"u8.ToArray()), FixedClock.AtNoon());

    private static async Task<Answer> AskAsync(
        RequestDelegate handler, string target, string method = "GET", string host = "127.0.0.1:2379", string? origin = null,
        string scheme = "http")
    {
        var context = new DefaultHttpContext();
        int query = target.IndexOf('?');
        context.Request.Path = query < 0 ? target : target[..query];
        context.Request.QueryString = new QueryString(query < 0 ? "" : target[query..]);
        context.Request.Method = method;
        context.Request.Scheme = scheme;
        context.Request.Host = new HostString(host);
        if (origin is not null)
            context.Request.Headers.Origin = origin;
        var body = new MemoryStream();
        context.Response.Body = body;
        await handler(context);
        return new Answer(context.Response.StatusCode, Encoding.UTF8.GetString(body.ToArray()), context.Response.Headers);
    }

    private Task<Answer> AskAsync(string target, string method = "GET") => AskAsync(Handler().HandleAsync, target, method);

    [Fact]
    public async Task A_healthy_member_says_so_in_etcds_words()
    {
        Answer answer = await AskAsync("/health");

        Assert.Equal((200, """{"health":"true","reason":""}"""), (answer.Status, answer.Body));
        Assert.Equal("text/plain; charset=utf-8", answer.Headers.ContentType);
    }

    [Theory]
    [InlineData("NOSPACE", "ALARM NOSPACE")]
    [InlineData("CORRUPT", "ALARM CORRUPT")]
    [InlineData("OTHER", "ALARM UNKNOWN")]
    public async Task An_alarm_makes_it_unhealthy(string alarm, string reason)
    {
        _server.Alarms = [alarm];

        Answer answer = await AskAsync("/health");

        Assert.Equal((503, $$"""{"health":"false","reason":"{{reason}}"}""" + "\n"), (answer.Status, answer.Body));
        Assert.Equal("nosniff", answer.Headers.XContentTypeOptions);
    }

    [Fact]
    public async Task An_alarm_may_be_excluded()
    {
        _server.Alarms = ["NOSPACE"];

        Assert.Equal(200, (await AskAsync("/health?exclude=NOSPACE")).Status);
        Assert.Equal(200, (await AskAsync("/health?exclude=CORRUPT&exclude=NOSPACE")).Status);
        Assert.Equal(503, (await AskAsync("/health?exclude=CORRUPT")).Status);
    }

    [Fact]
    public async Task Without_a_leader_only_the_serializable_question_is_answered_well()
    {
        _server.HasLeader = false;

        Assert.Equal("""{"health":"false","reason":"RAFT NO LEADER"}""" + "\n", (await AskAsync("/health")).Body);
        Assert.Equal(200, (await AskAsync("/health?serializable=true")).Status);
    }

    [Fact]
    public async Task A_read_that_fails_makes_it_unhealthy()
    {
        _server.ReadError = serializable => serializable ? null : "etcdserver: request timed out";

        Assert.Equal(
            """{"health":"false","reason":"RANGE ERROR:etcdserver: request timed out"}""" + "\n", (await AskAsync("/health")).Body);
        Assert.Equal(200, (await AskAsync("/health?serializable=true")).Status);
    }

    [Theory]
    [InlineData("/health")]
    [InlineData("/livez")]
    [InlineData("/readyz/non_learner")]
    [InlineData("/version")]
    public async Task Only_reading_is_allowed(string path)
    {
        Answer answer = await AskAsync(path, "POST");

        Assert.Equal((405, "Method Not Allowed\n"), (answer.Status, answer.Body));
        Assert.Equal("GET", answer.Headers.Allow);
    }

    [Theory]
    [InlineData("/livez", "ok\n")]
    [InlineData("/livez?verbose", "[+]serializable_read ok\nok\n")]
    [InlineData("/livez/serializable_read", "ok\n")]
    [InlineData("/readyz", "ok\n")]
    [InlineData("/readyz?verbose",
        "[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n[+]non_learner ok\nok\n")]
    [InlineData("/readyz?verbose&exclude=linearizable_read&exclude=non_learner&exclude=nothing",
        "[+]data_corruption ok\n[+]serializable_read ok\nok\n")]
    [InlineData("/readyz/data_corruption?verbose", "[+]data_corruption ok\nok\n")]
    public async Task A_live_and_ready_member_answers_ok(string target, string body)
    {
        Answer answer = await AskAsync(target);

        Assert.Equal((200, body), (answer.Status, answer.Body));
    }

    [Fact]
    public async Task A_check_that_fails_is_told_with_its_reason_though_nobody_asked()
    {
        _server.ReadError = serializable => serializable ? null : "etcdserver: no leader";
        _server.IsLearner = true;
        _server.Alarms = ["CORRUPT"];

        Answer answer = await AskAsync("/readyz");

        Assert.Equal(503, answer.Status);
        Assert.Equal(
            "[-]data_corruption failed: alarm activated: CORRUPT\n[+]serializable_read ok\n"
            + "[-]linearizable_read failed: etcdserver: no leader\n[-]non_learner failed: not supported for learner\n\n",
            answer.Body);
        Assert.Equal(200, (await AskAsync("/livez")).Status);
    }

    [Fact]
    public async Task A_read_that_hangs_counts_as_failed_when_its_time_is_over()
    {
        var clock = new ManualTimers();
        _server.Hangs = true;
        var handler = new HttpHandler(
            ConfigurationReader.FromFlags(), _server, new HealthMetrics(_meter), _ => Task.FromResult<byte[]>([]), clock);

        Task<Answer> asking = AskAsync(handler.HandleAsync, "/health");
        clock.FireAll();

        Assert.Equal("""{"health":"false","reason":"RANGE ERROR:context deadline exceeded"}""" + "\n", (await asking).Body);
        Assert.Equal(TimeSpan.FromSeconds(7), clock.LastDueTime);
    }

    [Fact]
    public async Task The_version_is_etcds()
    {
        Answer answer = await AskAsync("/version");

        Assert.Equal((200, """{"etcdserver":"3.6.14","etcdcluster":"3.6.0","storage":"3.6.0"}"""), (answer.Status, answer.Body));
        Assert.Equal("application/json", answer.Headers.ContentType);
    }

    [Fact]
    public async Task Before_an_election_the_clusters_version_is_not_decided()
    {
        _server.ClusterVersion = null;

        Assert.Equal(
            """{"etcdserver":"3.6.14","etcdcluster":"not_decided","storage":"unknown"}""", (await AskAsync("/version")).Body);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/nope")]
    [InlineData("/v2/keys")]
    [InlineData("/health/")]
    [InlineData("/readyz/nope")]
    [InlineData("/livez/data_corruption")]
    [InlineData("/v3")]
    public async Task What_is_not_there_is_404_as_Go_words_it(string path)
    {
        Answer answer = await AskAsync(path);

        Assert.Equal((404, "404 page not found\n"), (answer.Status, answer.Body));
    }

    [Theory]
    [InlineData("/v3/kv/range")]
    [InlineData("/v3beta/kv/put")]
    public async Task The_gateway_is_unimplemented_in_its_own_form(string path)
    {
        Answer answer = await AskAsync(path, "POST");

        Assert.Equal(501, answer.Status);
        Assert.Equal(12, JsonDocument.Parse(answer.Body).RootElement.GetProperty("code").GetInt32());
    }

    [Fact]
    public async Task Metrics_are_Prometheus_text()
    {
        Answer answer = await AskAsync("/metrics");

        Assert.Equal((200, "etcd_server_has_leader 1\n"), (answer.Status, answer.Body));
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", answer.Headers.ContentType);
    }

    [Fact]
    public async Task The_variables_name_the_flags_but_no_secrets()
    {
        Answer answer = await AskAsync(Handler("--name=m1", "--discovery-password=hunter2").HandleAsync, "/debug/vars");

        JsonElement root = JsonDocument.Parse(answer.Body).RootElement;
        Assert.Equal(["--discovery-password=(secret)", "--name=m1"], root.GetProperty("cmdline").EnumerateArray().Select(e => e.GetString()!));
        Assert.True(root.GetProperty("memstats").GetProperty("Sys").GetInt64() > 0);
    }

    [Theory]
    [InlineData("/metrics", 200)]
    [InlineData("/health", 200)]
    [InlineData("/readyz", 200)]
    [InlineData("/version", 404)]
    [InlineData("/debug/vars", 404)]
    public async Task A_metrics_listener_has_metrics_and_health_only(string path, int status) =>
        Assert.Equal(status, (await AskAsync(Handler().HandleMetricsAsync, path)).Status);

    [Fact]
    public async Task Every_origin_may_call_unless_origins_are_listed()
    {
        Answer open = await AskAsync("/health");
        RequestDelegate listed = Handler("--cors=http://a:1,http://b:2").HandleAsync;

        Assert.Equal("*", open.Headers.AccessControlAllowOrigin);
        Assert.Equal("http://b:2", (await AskAsync(listed, "/health", origin: "http://b:2")).Headers.AccessControlAllowOrigin);
        Assert.Empty((await AskAsync(listed, "/health", origin: "http://c:3")).Headers.AccessControlAllowOrigin.ToString());
        Assert.Empty((await AskAsync(listed, "/health")).Headers.AccessControlAllowOrigin.ToString());
    }

    [Fact]
    public async Task A_browsers_question_is_answered_by_headers_alone()
    {
        Answer answer = await AskAsync("/v3/kv/range", "OPTIONS");

        Assert.Equal((200, ""), (answer.Status, answer.Body));
        Assert.Equal("POST, GET, OPTIONS, PUT, DELETE", answer.Headers.AccessControlAllowMethods);
    }

    [Theory]
    [InlineData("good.example:2379", "http", 200)]
    [InlineData("GOOD.example", "http", 200)]
    [InlineData("[::1]:2379", "http", 200)]
    [InlineData("evil.example:2379", "http", 421)]
    [InlineData("evil.example:2379", "https", 200)]
    public async Task A_foreign_host_name_is_refused_without_TLS(string host, string scheme, int status)
    {
        RequestDelegate handler = Handler("--host-whitelist=good.example,::1").HandleAsync;

        Assert.Equal(status, (await AskAsync(handler, "/health", host: host, scheme: scheme)).Status);
    }

    [Fact]
    public async Task A_HEAD_of_metrics_has_a_length_and_no_body()
    {
        Answer answer = await AskAsync("/metrics", "HEAD");

        Assert.Equal((200, ""), (answer.Status, answer.Body));
        Assert.Equal(25, answer.Headers.ContentLength);
    }

    private sealed record Answer(int Status, string Body, IHeaderDictionary Headers);
}
