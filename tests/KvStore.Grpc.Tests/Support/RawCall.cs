using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;

namespace KvStore.Grpc.Tests.Support;

/// <summary>Requests by a plain HTTP client, to see exactly what is on the wire.</summary>
internal static class RawCall
{
    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler { UseProxy = false });

    public static byte[] Frame(byte[] message, byte flag = 0)
    {
        var frame = new byte[5 + message.Length];
        frame[0] = flag;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }

    public static async Task<RawResponse> PostAsync(
        EchoHost host, string path, byte[] body, string? contentType = "application/grpc", params (string, string)[] headers)
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = contentType is null ? null : MediaTypeHeaderValue.Parse(contentType);
        using var request = new HttpRequestMessage(HttpMethod.Post, host.Address + path)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        foreach (var (key, value) in headers)
            request.Headers.TryAddWithoutValidation(key, value);
        using var response = await Http.SendAsync(request, CancellationToken.None).Soon();
        var bytes = await response.Content.ReadAsByteArrayAsync().Soon();
        return new RawResponse(response.StatusCode, Values(response.Headers), bytes, Values(response.TrailingHeaders));
    }

    public static async Task<HttpResponseMessage> GetAsync(EchoHost host, string path, Version version) => await Http.SendAsync(
        new HttpRequestMessage(HttpMethod.Get, host.Address + path)
        {
            Version = version,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        },
        CancellationToken.None).Soon();

    private static Dictionary<string, string> Values(HttpHeaders headers) =>
        headers.NonValidated.ToDictionary(header => header.Key.ToLowerInvariant(), header => header.Value.ToString());
}

internal sealed record RawResponse(
    HttpStatusCode StatusCode, Dictionary<string, string> Headers, byte[] Body, Dictionary<string, string> Trailers)
{
    /// <summary>The status and text of a headers-only answer.</summary>
    public (StatusCode, string) Refusal =>
        ((StatusCode)int.Parse(Headers["grpc-status"]), StatusText.Decode(Headers["grpc-message"]));
}
