using System.Text;
using Microsoft.AspNetCore.Http;
using Orchestrator.Runtime.Hollow;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Streams;

namespace Orchestrator.Runtime.Tests.Streams;

public sealed class UpgradeProxyTests
{
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(60));

    private CancellationToken Limit => _limit.Token;

    [Theory]
    [InlineData("spdy")]
    [InlineData("v5.channel.k8s.io")]
    public async Task A_session_passes_through_whole(string protocol)
    {
        var shell = new EchoShell(new Dictionary<string, string>(), (time, ct) => Task.Delay(time, ct));
        await using StreamServer kubelet = await StreamServer.StartAsync(
            context => RemoteCommandServer.ServeAsync(context, RemoteCommandOptions.FromQuery(context.Request.Query), shell.RunAsync));
        await using StreamServer proxy = await ProxyToAsync(kubelet);
        var options = new RemoteCommandOptions { Command = ["sh", "-c", "cat; exit 4"], Stdin = true, Stdout = true, Stderr = true };
        var client = new RemoteCommandClient(StreamServer.Invoker);
        Uri uri = proxy.At("/exec?" + options.ToKubeletQuery());
        var sent = new byte[3_000_000];
        new Random(2).NextBytes(sent);

        await using var session = protocol == "spdy"
            ? await client.ConnectSpdyAsync(uri, options, Limit)
            : await client.ConnectWebSocketAsync(uri, options, protocol, Limit);
        using var received = new MemoryStream();
        Task receiving = session.Stdout!.CopyToAsync(received, Limit);
        await session.Stdin!.WriteAsync(sent, Limit);
        await session.Stdin.CompleteWritesAsync(Limit);
        await receiving;

        Assert.True(received.ToArray().AsSpan().SequenceEqual(sent));
        Assert.Equal(4, (await session.Result).ExitCode);
    }

    [Fact]
    public async Task A_kubelet_that_goes_ends_the_clients_session_and_a_client_that_goes_the_kubelets()
    {
        var disconnects = new SemaphoreSlim(0);
        StreamServer kubelet = await StreamServer.StartAsync(context => RemoteCommandServer.ServeAsync(
            context,
            RemoteCommandOptions.FromQuery(context.Request.Query),
            async (session, disconnected) =>
            {
                disconnected.Register(() => disconnects.Release());
                await session.Stdout.WriteAsync("x"u8.ToArray(), disconnected);
                await Task.Delay(Timeout.Infinite, disconnected);
                return RemoteCommandResult.Success;
            }));
        await using StreamServer proxy = await ProxyToAsync(kubelet);
        var options = new RemoteCommandOptions { Command = ["x"], Stdout = true };
        var client = new RemoteCommandClient(StreamServer.Invoker);
        Uri uri = proxy.At("/exec?" + options.ToKubeletQuery());
        var leaving = await client.ConnectSpdyAsync(uri, options, Limit);
        await using var staying = await client.ConnectSpdyAsync(uri, options, Limit);
        await leaving.Stdout!.ReadExactlyAsync(new byte[1], Limit);
        await staying.Stdout!.ReadExactlyAsync(new byte[1], Limit);

        await leaving.DisposeAsync();
        await disconnects.WaitAsync(Limit);
        await kubelet.DisposeAsync();

        await Assert.ThrowsAnyAsync<IOException>(() => staying.Result.WaitAsync(Limit));
    }

    [Fact]
    public async Task An_answer_that_is_no_switch_is_passed_on_as_it_is()
    {
        await using StreamServer kubelet = await StreamServer.StartAsync(async context =>
        {
            context.Response.StatusCode = 404;
            context.Response.Headers["X-Reason"] = "why";
            context.Response.ContentType = "text/plain";
            await context.Response.WriteAsync($"{context.Request.Method} {context.Request.QueryString} auth:{context.Request.Headers.Authorization}");
        });
        await using StreamServer proxy = await ProxyToAsync(kubelet);
        using var request = new HttpRequestMessage(HttpMethod.Post, proxy.At("/exec?a=b%20c"));
        request.Headers.Connection.Add("Upgrade");
        request.Headers.TryAddWithoutValidation("Upgrade", "SPDY/3.1");
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer secret");

        using HttpResponseMessage response = await StreamServer.Invoker.SendAsync(request, Limit);

        Assert.Equal(404, (int)response.StatusCode);
        Assert.Equal("why", response.Headers.GetValues("X-Reason").Single());
        Assert.Equal("POST ?a=b%20c auth:", await response.Content.ReadAsStringAsync(Limit));
    }

    [Fact]
    public async Task What_says_who_the_caller_is_stays_behind()
    {
        await using StreamServer pod = await StreamServer.StartAsync(context => context.Response.WriteAsync(
            string.Join('\n', context.Request.Headers.Select(header => $"{header.Key}: {header.Value}"))));
        await using StreamServer proxy = await ProxyToAsync(pod);
        using var request = new HttpRequestMessage(HttpMethod.Get, proxy.At("/"));
        request.Headers.TryAddWithoutValidation("Impersonate-User", "amy");
        request.Headers.TryAddWithoutValidation("X-Remote-User", "amy");
        request.Headers.TryAddWithoutValidation("Cookie", "session=1");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Protocol", "base64url.bearer.authorization.k8s.io.c2VjcmV0, chat");
        request.Headers.TryAddWithoutValidation("X-Other", "kept");

        using HttpResponseMessage response = await StreamServer.Invoker.SendAsync(request, Limit);
        string seen = await response.Content.ReadAsStringAsync(Limit);

        Assert.DoesNotContain("amy", seen);
        Assert.DoesNotContain("Cookie", seen, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Sec-WebSocket-Protocol: chat", seen);
        Assert.DoesNotContain("c2VjcmV0", seen);
        Assert.Contains("X-Other: kept", seen);
    }

    [Fact]
    public async Task A_body_without_a_length_is_passed_on_over_HTTP_2_as_well()
    {
        await using StreamServer pod = await StreamServer.StartAsync(async context =>
            await context.Request.Body.CopyToAsync(context.Response.Body));
        await using StreamServer proxy = await ProxyToAsync(pod);
        using var body = new MemoryStream("hello"u8.ToArray());
        using var request = new HttpRequestMessage(HttpMethod.Post, proxy.At("/"))
        {
            Version = System.Net.HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new Endless(body),
        };

        using HttpResponseMessage response = await StreamServer.Invoker.SendAsync(request, Limit);

        Assert.Equal("hello", await response.Content.ReadAsStringAsync(Limit));
    }

    [Fact]
    public async Task What_a_pod_gave_one_user_to_keep_is_not_sent_for_another()
    {
        await using StreamServer pod = await StreamServer.StartAsync(context =>
        {
            context.Response.Cookies.Append("session", "first");
            return context.Response.WriteAsync(context.Request.Headers.Cookie.ToString());
        });
        using var invoker = new HttpMessageInvoker(NodeProxy.Handler(new() { RemoteCertificateValidationCallback = (_, _, _, _) => true }));
        await using StreamServer proxy = await StreamServer.StartAsync(context => UpgradeProxy.ForwardAsync(context, pod.Uri, invoker));
        using var client = new HttpMessageInvoker(NodeProxy.Handler(new() { RemoteCertificateValidationCallback = (_, _, _, _) => true }));

        using HttpResponseMessage first = await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, proxy.Uri), Limit);
        using HttpResponseMessage second = await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, proxy.Uri), Limit);

        Assert.Contains(first.Headers.GetValues("Set-Cookie"), cookie => cookie.StartsWith("session=first", StringComparison.Ordinal));
        Assert.Equal("", await second.Content.ReadAsStringAsync(Limit));
    }

    [Fact]
    public async Task A_long_answer_arrives_while_it_is_being_written()
    {
        var more = new TaskCompletionSource();
        await using StreamServer kubelet = await StreamServer.StartAsync(async context =>
        {
            await context.Response.WriteAsync("first\n");
            await context.Response.Body.FlushAsync();
            await more.Task;
            await context.Response.WriteAsync("second\n");
        });
        await using StreamServer proxy = await ProxyToAsync(kubelet);
        using var request = new HttpRequestMessage(HttpMethod.Get, proxy.At("/containerLogs?follow=true"));

        using HttpResponseMessage response = await StreamServer.Invoker.SendAsync(request, Limit);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(Limit), Encoding.UTF8);
        string? first = await lines.ReadLineAsync(Limit);
        more.SetResult();

        Assert.Equal("first", first);
        Assert.Equal("second", await lines.ReadLineAsync(Limit));
    }

    /// <summary>A body whose length nobody says.</summary>
    private sealed class Endless(Stream body) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context) => body.CopyToAsync(stream);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }

    private static Task<StreamServer> ProxyToAsync(StreamServer kubelet)
    {
        Uri target = kubelet.Uri;
        return StreamServer.StartAsync(context => UpgradeProxy.ForwardAsync(
            context, new Uri(target, context.Request.Path + context.Request.QueryString), StreamServer.Invoker));
    }
}
