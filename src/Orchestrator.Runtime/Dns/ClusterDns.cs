using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Orchestrator.Control.Dns;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Informers;

namespace Orchestrator.Runtime.Dns;

/// <summary>The cluster's name server: its services and pods by name, and all other names from the host's resolvers.</summary>
/// <remarks>
/// Answers come from an immutable zone that each change replaces (<see cref="ZoneFeed"/>). Until all is known it answers SERVFAIL:
/// clients ask again, where a denial would be believed.
/// </remarks>
public sealed class ClusterDns : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<DnsSockets> _sockets = [];
    private readonly List<Task> _running = [];
    private ZoneFeed? _feed;
    private Task _synced = Task.CompletedTask;

    private ClusterDns()
    {
    }

    /// <summary>Where it listens: the addresses asked for, with the ports that were found for 0.</summary>
    public IReadOnlyList<IPEndPoint> EndPoints => [.. _sockets.Select(sockets => sockets.EndPoint)];

    /// <summary>Listens, and follows the cluster with watches of its own.</summary>
    /// <exception cref="System.Net.Sockets.SocketException">An address is taken or not this machine's.</exception>
    /// <exception cref="FormatException">The domain or a range is none.</exception>
    public static async Task<ClusterDns> StartAsync(ClusterDnsOptions options, ApiClient client, CancellationToken ct)
    {
        var informers = new InformerFactory(client, new InformerOptions { Log = options.Log });
        var dns = await StartAsync(options, informers, ct);
        informers.Start(dns._stopping.Token);
        dns._running.Add(informers.WaitForEndAsync());
        return dns;
    }

    /// <summary>Listens, and follows the cluster with watches that others share: they are the factory's owner's to start and end.</summary>
    public static async Task<ClusterDns> StartAsync(ClusterDnsOptions options, InformerFactory informers, CancellationToken ct)
    {
        var settings = new ClusterZoneSettings
        {
            Domain = options.ClusterDomain,
            ReverseRanges = [.. options.ServiceCidrs, .. options.PodCidrs],
            Serial = (uint)options.Time.GetUtcNow().ToUnixTimeSeconds(),
        };
        var feed = new ZoneFeed(settings, informers, options.Log);
        try
        {
            var dns = await StartAsync(options, () => feed.Zone, ct);
            dns._feed = feed;
            dns._synced = feed.WaitForSyncAsync(dns._stopping.Token);
            return dns;
        }
        catch
        {
            feed.Dispose();
            throw;
        }
    }

    /// <summary>Completes when it knows all of the cluster and answers.</summary>
    public Task WaitForSyncAsync(CancellationToken ct) => _synced.WaitAsync(ct);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _sockets.ForEach(sockets => sockets.Dispose());
        await Task.WhenAll(_running);
        await _synced.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _feed?.Dispose();
        _stopping.Dispose();
    }

    /// <summary>Listens and answers from a zone that somebody else keeps.</summary>
    internal static async Task<ClusterDns> StartAsync(ClusterDnsOptions options, Func<ClusterZone?> zone, CancellationToken ct)
    {
        var dns = new ClusterDns();
        try
        {
            foreach (IPEndPoint address in options.Listen)
            {
                ct.ThrowIfCancellationRequested();
                dns._sockets.Add(await DnsSockets.BindAsync(address, options.Network));
            }
            dns.Run(options, zone);
            return dns;
        }
        catch
        {
            await dns.DisposeAsync();
            throw;
        }
    }

    private void Run(ClusterDnsOptions options, Func<ClusterZone?> zone)
    {
        ulong loopToken = BinaryPrimitives.ReadUInt64BigEndian(RandomNumberGenerator.GetBytes(sizeof(ulong))) | 1;
        var forwarder = new Forwarder(
            [.. UpstreamsOf(options).Select(address => new NetworkUpstream(address, loopToken, options.Time))],
            options.Forwarding, new ForwardCache(options.Cache, options.Time), options.Log);
        var handler = new QueryHandler(zone, forwarder, loopToken);
        foreach (DnsSockets sockets in _sockets)
        {
            var udp = new UdpListener(sockets.Udp, handler, options.Log);
            var tcp = new TcpListener(sockets.Tcp, handler, options);
            _running.Add(Task.Run(() => udp.RunAsync(_stopping.Token)));
            _running.Add(Task.Run(() => tcp.RunAsync(_stopping.Token)));
        }
    }

    /// <summary>A server that asks itself never comes to an end.</summary>
    private IEnumerable<IPEndPoint> UpstreamsOf(ClusterDnsOptions options)
    {
        foreach (IPEndPoint upstream in options.Upstreams.Distinct())
        {
            if (options.Network is null && EndPoints.Contains(upstream))
                options.Log.LogWarning("{Server} is this name server itself and is not asked for other names", upstream);
            else
                yield return upstream;
        }
    }
}
