namespace Orchestrator.Control.Dns;

/// <summary>What there is at a name. With nothing in it the name itself exists all the same: names below it do.</summary>
internal sealed record NameNode
{
    public static readonly NameNode Empty = new();

    public RecordSet? A { get; init; }

    public RecordSet? Aaaa { get; init; }

    public RecordSet? Srv { get; init; }

    /// <summary>SOA, NS, TXT, PTR: what few names have.</summary>
    public IReadOnlyList<RecordSet> Others { get; init; } = [];

    /// <summary>Where the name leads instead of having records of its own; null if it does not.</summary>
    public DnsName? Alias { get; init; }

    /// <summary>Addresses of the names in <see cref="Srv"/> and in <see cref="Others"/>.</summary>
    public RecordSet[] Additionals { get; init; } = [];

    public bool IsEmpty => A is null && Aaaa is null && Srv is null && Others.Count == 0;

    public RecordSet? Of(DnsType type) => type switch
    {
        DnsType.A => A,
        DnsType.Aaaa => Aaaa,
        DnsType.Srv => Srv,
        _ => Others.FirstOrDefault(set => set.Type == type),
    };
}
