using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;

namespace KvStore.Crash.Tests.Wire;

/// <summary>A call with good HTTP/2 around whatever bytes the test wants.</summary>
internal sealed record RawCall(string Path, byte[] Body)
{
    public string ContentType { get; init; } = "application/grpc";

    public string? Encoding { get; init; }

    public string? Timeout { get; init; }

    /// <summary>A message behind its five bytes of header.</summary>
    /// <param name="length">What the header claims, if not the truth.</param>
    public static byte[] Message(byte[] bytes, byte compressed = 0, uint? length = null)
    {
        var message = new byte[5 + bytes.Length];
        message[0] = compressed;
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(1), length ?? (uint)bytes.Length);
        bytes.CopyTo(message, 5);
        return message;
    }

    /// <returns>HTTP's status, gRPC's status (null for none) and its message.</returns>
    public async Task<(HttpStatusCode Http, string? Status, string Message)> SendAsync(string url)
    {
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, url + Path)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(Body),
        };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(ContentType);
        request.Headers.TE.ParseAdd("trailers");
        if (Encoding is not null)
            request.Headers.Add("grpc-encoding", Encoding);
        if (Timeout is not null)
            request.Headers.Add("grpc-timeout", Timeout);
        using var response = await client.SendAsync(request).WaitAsync(Limits.Patience);
        await response.Content.ReadAsByteArrayAsync();
        return (response.StatusCode, Find(response, "grpc-status"), Uri.UnescapeDataString(Find(response, "grpc-message") ?? ""));
    }

    // Of a response without messages the trailers are its headers.
    private static string? Find(HttpResponseMessage response, string name) =>
        response.TrailingHeaders.TryGetValues(name, out var values) || response.Headers.TryGetValues(name, out values)
            ? values.Single()
            : null;
}
