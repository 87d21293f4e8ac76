namespace Orchestrator.Control.Dns;

/// <summary>Figures of the protocol (RFC 1035, RFC 6891).</summary>
public static class DnsWire
{
    public const int HeaderLength = 12;
    public const int LabelLimit = 63;

    /// <summary>Of a name, lengths and root included.</summary>
    public const int NameLimit = 255;

    /// <summary>The most labels that fit into a name, the root not counted.</summary>
    public const int LabelCountLimit = 127;

    /// <summary>What every client takes over UDP.</summary>
    public const int PlainUdpLimit = 512;

    /// <summary>What passes every network in one piece, and so the most that is sent over UDP.</summary>
    public const int UdpLimit = 1232;
    public const int TcpLimit = ushort.MaxValue;
    public const ushort InternetClass = 1;
    public const ushort AnyClass = 255;

    public const ushort ResponseFlag = 0x8000;
    public const ushort OpcodeMask = 0x7800;
    public const ushort AuthoritativeFlag = 0x0400;
    public const ushort TruncatedFlag = 0x0200;
    public const ushort RecursionDesiredFlag = 0x0100;
    public const ushort RecursionAvailableFlag = 0x0080;
    public const ushort CheckingDisabledFlag = 0x0010;
    public const ushort CodeMask = 0x000f;

    /// <summary>In the upper half of an OPT record's TTL field.</summary>
    public const uint DnssecOkFlag = 0x8000;

    /// <summary>The option that marks our own questions to others, of the range for local use: one that comes back has gone in a circle.</summary>
    public const ushort LoopOption = 65317;

    /// <summary>Names are compared without regard to case, ASCII's alone. Length octets are below all letters, so that a whole
    /// name may be folded byte by byte.</summary>
    public static byte Fold(byte value) => value is >= (byte)'A' and <= (byte)'Z' ? (byte)(value | 0x20) : value;

    public static bool EqualsFolded(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other)
    {
        if (one.Length != other.Length)
            return false;
        for (int i = 0; i < one.Length; i++)
        {
            if (one[i] != other[i] && Fold(one[i]) != Fold(other[i]))
                return false;
        }
        return true;
    }
}
