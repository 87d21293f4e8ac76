using System.Text;

namespace Orchestrator.Control.Dns;

/// <summary>Some labels as they are on the wire, in small letters, for tables; it may look into a buffer that is used again.</summary>
internal readonly struct NameKey(byte[] bytes, int start, int length) : IEquatable<NameKey>
{
    private ReadOnlySpan<byte> Span => bytes.AsSpan(start, length);

    /// <summary>A key of its own memory.</summary>
    public static NameKey Of(params ReadOnlySpan<string> labels)
    {
        var wire = new List<byte>();
        foreach (string label in labels)
        {
            byte[] text = Encoding.UTF8.GetBytes(label);
            wire.Add((byte)text.Length);
            foreach (byte value in text)
                wire.Add(DnsWire.Fold(value));
        }
        return new NameKey([.. wire], 0, wire.Count);
    }

    public bool Equals(NameKey other) => Span.SequenceEqual(other.Span);

    public override bool Equals(object? obj) => obj is NameKey other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }
}
