using KvStore.Server.Bench;
using KvStore.Server.Bench.Load;
using KvStore.Server.Bench.Results;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KvStore.Server.Tests.Bench;

public sealed class LoadRunTests : IAsyncLifetime
{
    private const int AnswerBytes = 200;

    private readonly WebApplication _server = Build();
    private int _calls;

    /// <summary>Every so many calls one is refused; 0: none.</summary>
    private int _refusedEvery;

    public async Task InitializeAsync()
    {
        _server.MapPost("/etcdserverpb.KV/{method}", Answer);
        await _server.StartAsync();
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public void Every_request_is_sent_once_and_counted()
    {
        var result = Execute(LoadPlan.Put(Settings() with { RequestLimit = 2_000, WarmUpRequests = 300 }));

        Assert.Equal((2_000, 0), (result.Main.Completed, result.Main.Failed));
        Assert.Equal(2_000, result.Main.Latency.Count);
        Assert.Equal(2_300, _calls);
    }

    [Fact]
    public void Refusals_are_counted_by_what_they_say()
    {
        _refusedEvery = 10;

        var result = Execute(LoadPlan.Put(Settings() with { RequestLimit = 500 }));

        Assert.Equal((450, 50), (result.Main.Completed, result.Main.Failed));
        Assert.Equal(50, Assert.Single(result.Main.Errors, error => error.Key == "grpc-status 8: too many of them").Value);
    }

    [Fact]
    public void An_answer_without_what_was_asked_for_is_an_error()
    {
        var enough =
            Execute(LoadPlan.Range(Settings() with { RequestLimit = 50, ValueBytes = AnswerBytes }, isSerializable: true));
        var tooShort =
            Execute(LoadPlan.Range(Settings() with { RequestLimit = 50, ValueBytes = AnswerBytes + 1 }, isSerializable: true));

        Assert.Equal((50, 0), (enough.Main.Completed, enough.Main.Failed));
        Assert.Equal((0, 50), (tooShort.Main.Completed, tooShort.Main.Failed));
    }

    [Fact]
    public void A_run_ends_with_its_time()
    {
        var settings = Settings() with { RequestLimit = long.MaxValue, DurationLimit = TimeSpan.FromMilliseconds(200) };

        var result = Execute(LoadPlan.Put(settings));

        Assert.InRange(result.Main.Completed, 1, 10_000_000);
        Assert.Equal(_calls, result.Main.Completed);
    }

    [Fact]
    public void A_rate_spreads_the_requests_over_their_time()
    {
        var result = Execute(LoadPlan.Put(Settings() with { RequestLimit = 100, RatePerSecond = 500 }));

        Assert.Equal(100, result.Main.Completed);
        Assert.InRange(result.Main.Elapsed.TotalSeconds, 0.198, 30); // The last one is due after 99 intervals.
    }

    [Fact]
    public void The_first_group_at_its_end_ends_the_others()
    {
        var result = Execute(LoadPlan.RangeBesidePut(Settings() with { RequestLimit = 400, ValueBytes = AnswerBytes }));

        Assert.Contains(result.Groups, group => group.Completed == 400);
        Assert.Equal(_calls, result.Groups.Sum(group => group.Completed));
    }

    [Fact]
    public void More_streams_than_the_server_allows_are_refused_with_a_way_out()
    {
        var refused = Assert.Throws<LoadException>(() => Execute(LoadPlan.Put(Settings() with { StreamsPerConnection = 101 })));

        Assert.Equal(
            "The server allows 100 streams on a connection: give more --connections with fewer --streams than 101.",
            refused.Message);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_named()
    {
        var settings = Settings();
        await _server.StopAsync();

        var refused = Assert.Throws<LoadException>(() => Execute(LoadPlan.Put(settings)));

        Assert.StartsWith($"Cannot connect to {settings.Endpoints[0]}: ", refused.Message);
    }

    private static LoadResult Execute(LoadPlan plan) => new LoadRun(plan).Execute(CancellationToken.None);

    private LoadSettings Settings()
    {
        var addresses = _server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!;
        return new LoadSettings
        {
            Endpoints = EndpointParser.Parse(addresses.Addresses.Single(), allowsRemote: false),
            Connections = 3,
            StreamsPerConnection = 5,
        };
    }

    private async Task Answer(HttpContext context)
    {
        await context.Request.Body.CopyToAsync(Stream.Null);
        int call = Interlocked.Increment(ref _calls);
        context.Response.ContentType = "application/grpc";
        if (_refusedEvery > 0 && call % _refusedEvery == 0)
        {
            context.Response.Headers["grpc-status"] = "8";
            context.Response.Headers["grpc-message"] = "too many of%20them";
            return;
        }
        await context.Response.Body.WriteAsync(new byte[AnswerBytes]);
        context.Response.AppendTrailer("grpc-status", "0");
    }

    private static WebApplication Build()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        return builder.Build();
    }
}
