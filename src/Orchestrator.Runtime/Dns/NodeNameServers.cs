using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Control.Dns;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Informers;

namespace Orchestrator.Runtime.Dns;

/// <summary>Keeps the name server's service where each node answers its own pods: who dies takes nobody's names along.</summary>
public sealed class NodeNameServers(ApiClient client, string clusterIP, int port)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    /// <summary>Follows the nodes until cancelled.</summary>
    public async Task KeepAsync(ILogger log, CancellationToken ct)
    {
        var wakes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        var nodes = new Informer(client, ApiClient.ResourceOf<Node>(), new InformerOptions { Log = log, RetryLimit = TimeSpan.FromSeconds(5) });
        nodes.AddHandler(change =>
        {
            if (AddressOf(change.Old as Node) != AddressOf(change.New as Node))
                wakes.Writer.TryWrite(true);
        });
        var following = nodes.RunAsync(ct);
        try
        {
            await nodes.WaitForSyncAsync(ct);
            while (true)
            {
                wakes.Reader.TryRead(out _);
                await EnsureAsync(nodes.List<Node>(), log, ct);
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
                await Task.WhenAny(wakes.Reader.WaitToReadAsync(limit.Token).AsTask(), Task.Delay(Interval, client.Time, limit.Token));
                await limit.CancelAsync();
                ct.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // The end.
        }
        await following;
    }

    private async Task EnsureAsync(IReadOnlyList<Node> nodes, ILogger log, CancellationToken ct)
    {
        var servers = nodes.Select(node => (node.Name, Address: AddressOf(node))).Where(server => server.Address is not null)
            .OrderBy(server => server.Name, StringComparer.Ordinal).Select(server => new NodeNameServer(server.Name, server.Address!)).ToList();
        if (servers.Count == 0)
            return;
        try
        {
            await new NameServerService(client, new NameServerObjects(clusterIP, servers[0].Address, port) { OfNodes = servers }).EnsureAsync(ct);
        }
        catch (Exception e) when (e is ApiException or TransportException or InvalidOperationException)
        {
            log.LogWarning("the name server's service was not kept up: {Fault}", e.Message);
        }
    }

    private static string? AddressOf(Node? node) => node?.Status.Addresses.OrEmpty().Find(address => address.Type == "InternalIP")?.Address;
}
