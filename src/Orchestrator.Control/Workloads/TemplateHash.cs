using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Orchestrator.Control.Workloads;

/// <summary>The short name of a pod template's content: FNV-1a over its JSON, in letters that form no words.</summary>
public static class TemplateHash
{
    public const string PodTemplateHashLabel = "pod-template-hash";

    // No vowels, no 0, 1 and 3: nothing that reads as a word or as another letter.
    private const string SafeLetters = "bcdfghjklmnpqrstvwxz2456789";

    /// <param name="collisionCount">Mixed in, so that a taken name is followed by another one.</param>
    public static string Of(PodTemplateSpec template, int? collisionCount)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
            template.WriteTo(writer);
        return Encode(Fnv1a(buffer.WrittenSpan, collisionCount));
    }

    /// <summary>The same for any bytes.</summary>
    public static string Of(ReadOnlySpan<byte> content, int? collisionCount) => Encode(Fnv1a(content, collisionCount));

    internal static string Encode(uint hash)
    {
        string digits = hash.ToString(CultureInfo.InvariantCulture);
        var letters = new StringBuilder(digits.Length);
        foreach (char digit in digits)
            letters.Append(SafeLetters[digit % SafeLetters.Length]);
        return letters.ToString();
    }

    private static uint Fnv1a(ReadOnlySpan<byte> bytes, int? collisionCount)
    {
        uint hash = 2166136261;
        foreach (byte value in bytes)
            hash = (hash ^ value) * 16777619;
        if (collisionCount is { } count)
        {
            for (int shift = 0; shift < 32; shift += 8)
                hash = (hash ^ (byte)(count >> shift)) * 16777619;
        }
        return hash;
    }
}
