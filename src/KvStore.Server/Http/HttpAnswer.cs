using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace KvStore.Server.Http;

/// <summary>Answers in the forms that Go's HTTP server gives them.</summary>
internal static class HttpAnswer
{
    public const string PlainText = "text/plain; charset=utf-8";

    private static readonly JsonWriterOptions JsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Task WriteAsync(HttpContext context, int status, string contentType, ReadOnlyMemory<byte> body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        context.Response.ContentLength = body.Length;
        // A HEAD is told the length, and gets no body.
        return HttpMethods.IsHead(context.Request.Method)
            ? Task.CompletedTask
            : context.Response.Body.WriteAsync(body, context.RequestAborted).AsTask();
    }

    public static Task WriteTextAsync(HttpContext context, int status, string text) =>
        WriteAsync(context, status, PlainText, Encoding.UTF8.GetBytes(text));

    /// <summary>With a line end behind the text, and not to be taken for anything but text.</summary>
    public static Task WriteErrorAsync(HttpContext context, int status, string text)
    {
        context.Response.Headers.XContentTypeOptions = "nosniff";
        return WriteTextAsync(context, status, text + "\n");
    }

    public static Task RefuseMethodAsync(HttpContext context)
    {
        context.Response.Headers.Allow = HttpMethods.Get;
        return WriteErrorAsync(context, 405, "Method Not Allowed");
    }

    /// <param name="write">The inside of the object.</param>
    public static Task WriteJsonAsync(HttpContext context, int status, Action<Utf8JsonWriter> write) =>
        WriteAsync(context, status, "application/json", Json(write));

    public static ReadOnlyMemory<byte> Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonOptions))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }
        return buffer.WrittenMemory;
    }
}
