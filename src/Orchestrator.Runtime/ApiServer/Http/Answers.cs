using System.Buffers;
using System.Globalization;
using System.IO.Compression;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Orchestrator.Api;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.ApiServer.Requests;

namespace Orchestrator.Runtime.ApiServer.Http;

/// <summary>Writes answers.</summary>
internal static class Answers
{
    /// <summary>Smaller bodies are not worth compressing; as Kubernetes.</summary>
    public const int CompressionThresholdBytes = 128 * 1024;

    private const int FlushBytes = 64 * 1024;

    public static async Task WriteJsonAsync(HttpContext http, int code, ReadOnlyMemory<byte> json, string mediaType = MediaTypes.Json)
    {
        http.Response.StatusCode = code;
        http.Response.ContentType = mediaType;
        if (IsForPeople(http.Request))
            json = Indent(json);
        if (json.Length > CompressionThresholdBytes && TakesGzip(http.Request))
        {
            await WriteChunksAsync(http, [json], json.Length, mediaType).ConfigureAwait(false);
            return;
        }

        http.Response.ContentLength = json.Length;
        if (!HttpMethods.IsHead(http.Request.Method))
            await http.Response.BodyWriter.WriteAsync(json, http.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>Those who read answers themselves get them in lines; as Kubernetes.</summary>
    public static bool IsForPeople(HttpRequest request)
    {
        if (request.Query.TryGetValue("pretty", out var asked))
            return asked == "true" || asked == "1";
        string agent = request.Headers.UserAgent.ToString();
        return agent.StartsWith("curl", StringComparison.Ordinal) || agent.StartsWith("Wget", StringComparison.Ordinal)
            || agent.StartsWith("Mozilla/5.0", StringComparison.Ordinal);
    }

    private static byte[] Indent(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        var indented = new ArrayBufferWriter<byte>(json.Length * 2);
        using (var writer = new Utf8JsonWriter(indented, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            document.WriteTo(writer);
        indented.Write("\n"u8);
        return indented.WrittenSpan.ToArray();
    }

    public static Task WriteStatusAsync(HttpContext http, Status status)
    {
        int code = status.Code ?? StatusCodes.Status200OK;
        if (status.Details?.RetryAfterSeconds is { } seconds and > 0)
            http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return WriteJsonAsync(http, code, KubernetesJson.Serialize(status));
    }

    public static Task WriteTextAsync(HttpContext http, int code, string text)
    {
        http.Response.StatusCode = code;
        http.Response.ContentType = "text/plain; charset=utf-8";
        http.Response.Headers.XContentTypeOptions = "nosniff";
        return http.Response.WriteAsync(text, http.RequestAborted);
    }

    /// <summary>Writes a body piece by piece: it is never held as a whole. Large ones are compressed if the client can take
    /// it.</summary>
    /// <param name="totalBytes">About.</param>
    public static async Task WriteChunksAsync(
        HttpContext http, IEnumerable<ReadOnlyMemory<byte>> chunks, long totalBytes, string mediaType = MediaTypes.Json)
    {
        http.Response.ContentType = mediaType;
        if (HttpMethods.IsHead(http.Request.Method))
            return;
        if (totalBytes > CompressionThresholdBytes && TakesGzip(http.Request))
        {
            http.Response.Headers.ContentEncoding = "gzip";
            http.Response.Headers.Vary = "Accept-Encoding";
            var gzip = new GZipStream(http.Response.Body, CompressionLevel.Fastest, leaveOpen: true);
            await using (gzip.ConfigureAwait(false))
            {
                foreach (var chunk in chunks)
                    await gzip.WriteAsync(chunk, http.RequestAborted).ConfigureAwait(false);
            }

            return;
        }

        var writer = http.Response.BodyWriter;
        foreach (var chunk in chunks)
        {
            writer.Write(chunk.Span);
            if (writer.UnflushedBytes > FlushBytes)
                await writer.FlushAsync(http.RequestAborted).ConfigureAwait(false);
        }

        await writer.FlushAsync(http.RequestAborted).ConfigureAwait(false);
    }

    private static bool TakesGzip(HttpRequest request) => request.Headers.AcceptEncoding.ToString()
        .Split(',', StringSplitOptions.TrimEntries)
        .Any(coding => coding == "gzip" || (coding.StartsWith("gzip;", StringComparison.Ordinal) && !coding.EndsWith("q=0", StringComparison.Ordinal)));
}
