using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>Gives short texts that come again and again (<c>Always</c>, <c>TCP</c>, labels' keys) as one string instead of one each time: in a
/// cache of ten thousand pods that is half of all strings.</summary>
/// <remarks>A table of fixed size in which a newer text takes an older one's place. Threads may lose each other's entries, never get a
/// wrong one: an entry is one reference, and is compared before it is given out.</remarks>
public static class SharedTexts
{
    /// <summary>Longer texts seldom come twice: identities, messages, images.</summary>
    public const int LengthLimit = 32;

    private const int SlotCount = 4096;

    private static readonly string?[] Slots = new string?[SlotCount];

    /// <summary>The text of the string or name that the reader stands on.</summary>
    public static string Get(ref Utf8JsonReader reader)
    {
        if (reader.ValueIsEscaped || reader.HasValueSequence || reader.ValueSpan.Length > LengthLimit)
            return reader.GetString()!;
        var utf8 = reader.ValueSpan;
        ref string? slot = ref Slots[Hash(utf8) % SlotCount];
        string? known = slot;
        if (known is not null && known.Length == utf8.Length && Ascii.Equals(utf8, known))
            return known;
        string text = reader.GetString()!;
        // Only texts of ASCII are ever found again.
        if (text.Length == utf8.Length)
            slot = text;
        return text;
    }

    /// <summary>Length, beginning and end tell short texts apart well enough.</summary>
    private static uint Hash(ReadOnlySpan<byte> utf8)
    {
        ulong hash = (ulong)utf8.Length;
        if (utf8.Length >= sizeof(ulong))
        {
            hash = Mix(hash, BinaryPrimitives.ReadUInt64LittleEndian(utf8));
            hash = Mix(hash, BinaryPrimitives.ReadUInt64LittleEndian(utf8[^sizeof(ulong)..]));
            return (uint)(Mix(hash, BinaryPrimitives.ReadUInt64LittleEndian(utf8[((utf8.Length - sizeof(ulong)) / 2)..])) >> 40);
        }
        foreach (byte next in utf8)
            hash = (hash << 8) | next;
        return (uint)(Mix(hash, 0) >> 40);
    }

    private static ulong Mix(ulong hash, ulong next) => ((hash ^ next) * 0x9E37_79B9_7F4A_7C15) ^ (hash >> 29);
}
