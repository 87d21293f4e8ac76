using System.Text.Json;
using System.Threading.Channels;

namespace Orchestrator.Runtime.Streams;

/// <summary>A terminal's size in characters.</summary>
public readonly record struct TerminalSize(int Width, int Height)
{
    /// <summary>One resize message; a longer one is no terminal's size.</summary>
    private const int MessageLimit = 1024;

    internal byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, int> { ["Width"] = Width, ["Height"] = Height });

    /// <summary>Reads JSON values one after another from <paramref name="source"/> until its end or the first nonsense.</summary>
    internal static async Task PumpAsync(Stream source, ChannelWriter<TerminalSize> sizes, CancellationToken ct)
    {
        var pending = new byte[MessageLimit];
        int length = 0;
        try
        {
            int count;
            while ((count = await source.ReadAsync(pending.AsMemory(length), ct)) > 0)
            {
                length += count;
                int consumed = Take(pending.AsSpan(0, length), sizes);
                pending.AsSpan(consumed, length - consumed).CopyTo(pending);
                length -= consumed;
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or JsonException)
        {
            // A session without further sizes is still a session.
        }
        finally
        {
            sizes.TryComplete();
        }
    }

    private static int Take(ReadOnlySpan<byte> text, ChannelWriter<TerminalSize> sizes)
    {
        int consumed = 0;
        while (true)
        {
            int blanks = text[consumed..].IndexOfAnyExcept(" \t\r\n"u8);
            if (blanks < 0)
                return text.Length;
            consumed += blanks;
            var reader = new Utf8JsonReader(text[consumed..], isFinalBlock: false, state: default);
            if (!JsonDocument.TryParseValue(ref reader, out JsonDocument? value))
                return consumed;
            using (value)
                sizes.TryWrite(Read(value.RootElement));
            consumed += (int)reader.BytesConsumed;
        }
    }

    private static TerminalSize Read(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw new JsonException("a terminal's size is an object");
        return new TerminalSize(Number(value, "Width"), Number(value, "Height"));
    }

    private static int Number(JsonElement value, string name) =>
        value.TryGetProperty(name, out JsonElement field) && field.TryGetUInt16(out ushort number) ? number : 0;
}
