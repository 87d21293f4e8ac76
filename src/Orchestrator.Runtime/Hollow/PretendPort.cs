using System.Globalization;
using System.Text;
using Orchestrator.Runtime.Streams;

namespace Orchestrator.Runtime.Hollow;

/// <summary>What answers at every port of a pretend pod: HTTP requests get a page, all else comes back as it is.</summary>
internal static class PretendPort
{
    private const int BufferBytes = 16 * 1024;

    public static async Task ServeAsync(string podName, int port, DuplexStream connection, CancellationToken ct)
    {
        var buffer = new byte[BufferBytes];
        int count = await connection.ReadAsync(buffer, ct);
        if (IsRequest(buffer.AsSpan(0, count)))
        {
            await AnswerAsync(podName, port, buffer, count, connection, ct);
            return;
        }
        while (count > 0)
        {
            await connection.WriteAsync(buffer.AsMemory(0, count), ct);
            count = await connection.ReadAsync(buffer, ct);
        }
        await connection.CompleteWritesAsync(ct);
    }

    /// <summary>A word in capitals, and then a path: what comes after the head of such a request is not read.</summary>
    private static bool IsRequest(ReadOnlySpan<byte> bytes)
    {
        int word = bytes.IndexOfAnyExceptInRange((byte)'A', (byte)'Z');
        return word > 0 && bytes[word..].StartsWith(" /"u8);
    }

    private static async Task AnswerAsync(string podName, int port, byte[] buffer, int count, DuplexStream connection, CancellationToken ct)
    {
        bool isHead = buffer.AsSpan(0, count).StartsWith("HEAD"u8);
        while (count < buffer.Length && buffer.AsSpan(0, count).IndexOf("\r\n\r\n"u8) < 0)
        {
            int more = await connection.ReadAsync(buffer.AsMemory(count), ct);
            if (more == 0)
                break;
            count += more;
        }
        string body = string.Create(CultureInfo.InvariantCulture, $"{podName} answers at port {port}\n");
        string head = string.Create(
            CultureInfo.InvariantCulture,
            $"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n");
        await connection.WriteAsync(Encoding.ASCII.GetBytes(isHead ? head : head + body), ct);
        await connection.CompleteWritesAsync(ct);
    }
}
