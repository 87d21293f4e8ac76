namespace Orchestrator.Control.Dns;

/// <summary>Where names stand in a record's data.</summary>
/// <param name="PrefixLength">Bytes before the first name.</param>
/// <param name="NameCount">Names, one after the other.</param>
/// <param name="SuffixLength">Bytes after the last name.</param>
/// <param name="IsCompressed">Whether such names may be written compressed: those of RFC 1035's types, no later ones (RFC 3597).</param>
internal readonly record struct RecordLayout(int PrefixLength, int NameCount, int SuffixLength, bool IsCompressed)
{
    /// <summary>The layout of a type in which names may come compressed; null for data that is only bytes.</summary>
    public static RecordLayout? Of(DnsType type) => (ushort)type switch
    {
        2 or 3 or 4 or 5 or 7 or 8 or 9 or 12 => new RecordLayout(0, 1, 0, true), // NS MD MF CNAME MB MG MR PTR
        6 => new RecordLayout(0, 2, 20, true), // SOA
        14 => new RecordLayout(0, 2, 0, true), // MINFO
        15 => new RecordLayout(2, 1, 0, true), // MX
        17 => new RecordLayout(0, 2, 0, false), // RP
        18 or 21 or 36 => new RecordLayout(2, 1, 0, false), // AFSDB RT KX
        33 => new RecordLayout(6, 1, 0, false), // SRV
        39 => new RecordLayout(0, 1, 0, false), // DNAME
        _ => null,
    };
}
