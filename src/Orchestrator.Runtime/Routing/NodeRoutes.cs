using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Orchestrator.Api.CoreV1;
using Orchestrator.Control.Routing;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Informers;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Proxy;

namespace Orchestrator.Runtime.Routing;

/// <summary>For which node routes are kept, and where.</summary>
public sealed record NodeRoutesOptions
{
    public required string NodeName { get; init; }

    public required string NodeAddress { get; init; }

    /// <summary>Of all pods of the cluster.</summary>
    public required string PodRange { get; init; }

    /// <summary>Null: this process's own.</summary>
    public NetworkNamespace? Network { get; init; }

    /// <summary>How often it is looked whether they still stand; what failed is tried again then.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(15);

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public ILogger Log { get; init; } = NullLogger.Instance;
}

/// <summary>Keeps a route to each other node's pods by that node's address: nodes are on one link, and no packet is wrapped.</summary>
/// <remarks>
/// Ours bear a protocol number of their own, by which those of an earlier life are found and taken away. They stay when this ends, as pods
/// do; <see cref="RemoveAsync"/> takes all away.
/// </remarks>
public sealed class NodeRoutes : IAsyncDisposable
{
    /// <summary>Marks our routes: none of those that /etc/iproute2/rt_protos names.</summary>
    private const string Protocol = "178";

    private readonly NodeRoutesOptions _options;
    private readonly NamespaceCommand _command;
    private readonly Informer _nodes;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Channel<bool> _wakes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Dictionary<PodRoute, string> _failures = [];
    private readonly Task _running;

    private NodeRoutes(NodeRoutesOptions options, ApiClient client)
    {
        _options = options;
        _command = new NamespaceCommand(options.Network);
        _nodes = new Informer(client, ApiClient.ResourceOf<Node>(), new InformerOptions { Log = options.Log, RetryLimit = TimeSpan.FromSeconds(5) });
        _nodes.AddHandler(change =>
        {
            // Most changes of a node are heartbeats.
            if (RouteOf(change.Old as Node) != RouteOf(change.New as Node))
                _wakes.Writer.TryWrite(true);
        });
        _running = Task.WhenAll(_nodes.RunAsync(_stopping.Token), RunAsync());
    }

    public static NodeRoutes Start(NodeRoutesOptions options, ApiClient client) => new(options, client);

    /// <summary>Takes all of them away, whoever made them.</summary>
    public static Task RemoveAsync(NetworkNamespace? network) =>
        new NamespaceCommand(network).RunAsync("ip", ["-4", "route", "flush", "protocol", Protocol]);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _stopping.Dispose();
    }

    private PodRoute? RouteOf(Node? node) =>
        node is null ? null : PodRoute.Wanted([node], _options.NodeName, _options.NodeAddress, _options.PodRange) is [var route] ? route : null;

    private async Task RunAsync()
    {
        try
        {
            // Half of the nodes would have the routes to the other half taken away.
            await _nodes.WaitForSyncAsync(_stopping.Token);
            while (true)
            {
                await SyncAsync();
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
                await Task.WhenAny(_wakes.Reader.WaitToReadAsync(limit.Token).AsTask(), Task.Delay(_options.Interval, _options.Clock, limit.Token));
                await limit.CancelAsync();
                _stopping.Token.ThrowIfCancellationRequested();
                _wakes.Reader.TryRead(out _);
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // The end.
        }
    }

    private async Task SyncAsync()
    {
        try
        {
            var wanted = PodRoute.Wanted(_nodes.List<Node>(), _options.NodeName, _options.NodeAddress, _options.PodRange);
            var shown = await _command.RunAsync("ip", ["-4", "-o", "route", "show", "protocol", Protocol]);
            var (stale, missing) = PodRoute.Difference(PodRoute.Read(shown.Output), wanted);
            foreach (var route in stale)
                await _command.RunAsync("ip", ["-4", "route", "del", route.Destination, "protocol", Protocol]);
            foreach (var route in missing)
                await SetAsync(route);
            foreach (var route in _failures.Keys.Except(missing).ToList())
                _failures.Remove(route);
        }
        catch (ServiceProxyException fault)
        {
            _options.Log.LogError("routes to other nodes are not kept: {Reason}", fault.Message);
        }
    }

    private async Task SetAsync(PodRoute route)
    {
        var set = await _command.RunAsync("ip", ["-4", "route", "replace", route.Destination, "via", route.Gateway, "protocol", Protocol]);
        if (set.ExitCode == 0)
        {
            _options.Log.LogInformation("pods of {Range} are reached by {Node}", route.Destination, route.Gateway);
            _failures.Remove(route);
        }
        else if (_failures.GetValueOrDefault(route) != set.Reason)
        {
            _failures[route] = set.Reason;
            _options.Log.LogError(
                "pods of {Range} are not reached: the node {Node} must be on the same link as this one ({Reason})", route.Destination, route.Gateway, set.Reason);
        }
    }
}
