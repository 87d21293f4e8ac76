using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>Probes containers by HTTP, TCP and gRPC at their pod's address.</summary>
/// <param name="network">Where pods are reached; null: from this process's own network.</param>
public sealed class NetworkProber(NetworkNamespace? network = null) : IProber, IDisposable
{
    /// <summary>What is read of an answer's body, for the event's text.</summary>
    private const int BodyLimit = 10 * 1024;

    // A probe's certificate is not checked, as everywhere: pods have their own.
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        PooledConnectionLifetime = TimeSpan.Zero,
        UseProxy = false,
        SslOptions = new() { RemoteCertificateValidationCallback = (_, _, _, _) => true },
        ConnectCallback = network is null ? null
            : async (context, ct) => new NetworkStream(await network!.ConnectAsync(context.DnsEndPoint, ct), ownsSocket: true),
    });

    public async Task<ProbeResult> ProbeAsync(ProbeTarget target, ProbeRequest request, TimeSpan timeout, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(timeout);
        try
        {
            if (request.HttpGet is { } get)
                return await GetAsync(target, get, limit.Token);
            if (request.TcpSocket is { } tcp)
                return await ConnectAsync(string.IsNullOrEmpty(tcp.Host) ? target.PodIp : tcp.Host, Port(target.Container, tcp.Port), limit.Token);
            return await CheckAsync(target.PodIp, request.Grpc!, limit.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new ProbeResult(false, "context deadline exceeded");
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or IOException or FormatException)
        {
            return new ProbeResult(false, e.Message);
        }
    }

    public void Dispose() => _http.Dispose();

    /// <summary>A port by number, or by its name in the container.</summary>
    internal static int Port(Container container, IntOrString? port)
    {
        if (port is not { } known)
            throw new FormatException("no port is given");
        if (known.IsInt)
            return known.IntValue;
        return container.Ports.OrEmpty().Find(named => named.Name == known.StringValue)?.ContainerPortValue
            ?? throw new FormatException($"couldn't find port: \"{known.StringValue}\"");
    }

    private async Task<ProbeResult> GetAsync(ProbeTarget target, HTTPGetAction get, CancellationToken ct)
    {
        string scheme = (get.Scheme ?? "HTTP").ToLowerInvariant();
        string path = get.Path is { Length: > 0 } given ? given : "/";
        string host = string.IsNullOrEmpty(get.Host) ? target.PodIp : get.Host;
        Uri uri = UriOf(scheme, host, Port(target.Container, get.Port), path);
        using var request = new HttpRequestMessage(HttpMethod.Get, uri);
        request.Headers.TryAddWithoutValidation("User-Agent", "kube-probe/1.33");
        request.Headers.TryAddWithoutValidation("Accept", "*/*");
        foreach (HTTPHeader header in get.HttpHeaders.OrEmpty())
            request.Headers.TryAddWithoutValidation(header.Name ?? "", header.Value);
        using HttpResponseMessage response = await _http.SendAsync(request, ct);
        int status = (int)response.StatusCode;
        return status is >= 200 and < 400
            ? new ProbeResult(true, "")
            : new ProbeResult(false, string.Create(CultureInfo.InvariantCulture, $"HTTP probe failed with statuscode: {status}"));
    }

    private async Task<ProbeResult> ConnectAsync(string host, int port, CancellationToken ct)
    {
        if (network is not null)
        {
            (await network.ConnectAsync(new DnsEndPoint(host, port), ct)).Dispose();
            return new ProbeResult(true, "");
        }
        using var client = new TcpClient();
        await client.ConnectAsync(host, port, ct);
        return new ProbeResult(true, "");
    }

    /// <summary>grpc.health.v1.Health/Check, by hand: one field each way.</summary>
    private async Task<ProbeResult> CheckAsync(string host, GRPCAction grpc, CancellationToken ct)
    {
        const byte Serving = 1;
        using var request = new HttpRequestMessage(HttpMethod.Post, UriOf("http", host, grpc.Port ?? 0, "/grpc.health.v1.Health/Check"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(HealthCheck(grpc.Service ?? "")),
        };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/grpc");
        request.Headers.TryAddWithoutValidation("TE", "trailers");
        using HttpResponseMessage response = await _http.SendAsync(request, ct);
        byte[] answer = await response.Content.ReadAsByteArrayAsync(ct);
        bool isServing = answer.Length >= 7 && answer.Length < BodyLimit && answer[5] == 0x08 && answer[6] == Serving;
        return isServing ? new ProbeResult(true, "") : new ProbeResult(false, "service unhealthy (responded with \"NOT_SERVING\")");
    }

    /// <summary>The request as it goes over the wire: the message's length, then <c>string service = 1</c> where one is named.</summary>
    internal static byte[] HealthCheck(string service)
    {
        const int PrefixBytes = 5;
        byte[] name = Encoding.UTF8.GetBytes(service);
        List<byte> body = [.. new byte[PrefixBytes]];
        if (name.Length > 0)
        {
            body.Add(0x0A);
            int length = name.Length;
            for (; length >= 0x80; length >>= 7)
                body.Add((byte)(length | 0x80));
            body.Add((byte)length);
            body.AddRange(name);
        }
        byte[] bytes = [.. body];
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(1), bytes.Length - PrefixBytes);
        return bytes;
    }

    internal static Uri UriOf(string scheme, string host, int port, string path)
    {
        string authority = host.Contains(':') && !host.StartsWith('[') ? $"[{host}]" : host;
        return new Uri(string.Create(CultureInfo.InvariantCulture, $"{scheme}://{authority}:{port}/{path.TrimStart('/')}"));
    }
}
