using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Orchestrator.Control.Dns;

/// <summary>A whole domain name as it is on the wire, uncompressed: <c>3web7default3svc7cluster5local0</c>.</summary>
/// <remarks>Keeps its case and compares without.</remarks>
public sealed class DnsName : IEquatable<DnsName>
{
    private readonly byte[] _wire;

    private DnsName(byte[] wire) => _wire = wire;

    public static DnsName Root { get; } = new([0]);

    public ReadOnlySpan<byte> Wire => _wire;

    public bool IsRoot => _wire.Length == 1;

    /// <summary>Takes a name whose form was checked by who read it.</summary>
    internal static DnsName FromWire(ReadOnlySpan<byte> wire) => wire.Length == 1 ? Root : new DnsName(wire.ToArray());

    /// <exception cref="FormatException">An empty or too long label, or too long a name.</exception>
    public static DnsName Parse(string text) =>
        TryParse(text, out var name) ? name : throw new FormatException($"not a domain name: '{text}'");

    /// <summary>Reads <c>web.default.svc</c>, with or without the last dot. There are no escapes: each dot ends a label.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out DnsName? name)
    {
        name = null;
        if (text is null)
            return false;
        if (text.EndsWith('.'))
            text = text[..^1];
        if (text.Length == 0)
        {
            name = Root;
            return true;
        }
        var wire = new List<byte>(text.Length + 2);
        foreach (string label in text.Split('.'))
        {
            byte[] bytes = Encoding.UTF8.GetBytes(label);
            if (bytes.Length is 0 or > DnsWire.LabelLimit)
                return false;
            wire.Add((byte)bytes.Length);
            wire.AddRange(bytes);
        }
        wire.Add(0);
        if (wire.Count > DnsWire.NameLimit)
            return false;
        name = new DnsName([.. wire]);
        return true;
    }

    /// <summary>The name with one more label in front.</summary>
    public DnsName Child(string label)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(label);
        if (bytes.Length is 0 or > DnsWire.LabelLimit || bytes.Length + 1 + _wire.Length > DnsWire.NameLimit)
            throw new FormatException($"'{label}' cannot stand before {this}");
        return new DnsName([(byte)bytes.Length, .. bytes, .. _wire]);
    }

    /// <summary>Whether this name is <paramref name="other"/> or ends in it.</summary>
    public bool IsAtOrUnder(DnsName other)
    {
        for (int start = 0; _wire.Length - start >= other._wire.Length; start += _wire[start] + 1)
        {
            if (_wire.Length - start == other._wire.Length)
                return DnsWire.EqualsFolded(_wire.AsSpan(start), other._wire);
        }
        return false;
    }

    public bool Equals(DnsName? other) => other is not null && DnsWire.EqualsFolded(_wire, other._wire);

    public override bool Equals(object? obj) => Equals(obj as DnsName);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (byte value in _wire)
            hash.Add(DnsWire.Fold(value));
        return hash.ToHashCode();
    }

    /// <summary>With the last dot; what is no ordinary character comes as in zone files (<c>\.</c>, <c>\009</c>).</summary>
    public override string ToString()
    {
        if (IsRoot)
            return ".";
        var text = new StringBuilder();
        for (int start = 0; _wire[start] != 0; start += _wire[start] + 1)
        {
            foreach (byte value in _wire.AsSpan(start + 1, _wire[start]))
            {
                if (value is (byte)'.' or (byte)'\\')
                    text.Append('\\').Append((char)value);
                else if (value is > 0x20 and < 0x7f)
                    text.Append((char)value);
                else
                    text.Append('\\').Append(value.ToString("000", CultureInfo.InvariantCulture));
            }
            text.Append('.');
        }
        return text.ToString();
    }
}
