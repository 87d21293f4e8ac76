namespace Orchestrator.Control.Dns;

/// <summary>A name in small letters, and where its labels begin: what is looked up. Filled anew for each question.</summary>
public sealed class FoldedName
{
    private readonly byte[] _wire = new byte[DnsWire.NameLimit];
    private readonly byte[] _starts = new byte[DnsWire.LabelCountLimit + 1];

    public int Length { get; private set; }

    /// <summary>The root not counted.</summary>
    public int LabelCount { get; private set; }

    public ReadOnlySpan<byte> Wire => _wire.AsSpan(0, Length);

    /// <param name="wire">Of a form that was checked.</param>
    public void Set(ReadOnlySpan<byte> wire)
    {
        for (int i = 0; i < wire.Length; i++)
            _wire[i] = DnsWire.Fold(wire[i]);
        Length = wire.Length;
        LabelCount = 0;
        for (int start = 0; _wire[start] != 0; start += _wire[start] + 1)
            _starts[LabelCount++] = (byte)start;
        _starts[LabelCount] = (byte)(Length - 1);
    }

    /// <summary>A label without its length; 0 is the leftmost.</summary>
    public ReadOnlySpan<byte> Label(int index) => _wire.AsSpan(_starts[index] + 1, _wire[_starts[index]]);

    /// <summary>The labels from one up to another, as they are on the wire: good for a lookup until the name is set anew.</summary>
    internal NameKey Key(int first, int end) => new(_wire, _starts[first], _starts[end] - _starts[first]);

    /// <summary>Whether the name's last labels are these.</summary>
    /// <param name="suffix">In small letters, with the root.</param>
    public bool EndsWith(ReadOnlySpan<byte> suffix, int labelCount) =>
        LabelCount >= labelCount && Wire[_starts[LabelCount - labelCount]..].SequenceEqual(suffix);
}
