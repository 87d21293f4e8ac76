namespace Orchestrator.Control.Dns;

public enum ResolutionKind
{
    /// <summary>All that there is to say.</summary>
    Answer,

    /// <summary>The name is not the cluster's: another server is to be asked.</summary>
    Foreign,

    /// <summary>An alias leads to a name that is not the cluster's: what another server says of <see cref="Resolution.Target"/> is to
    /// be put behind what is here.</summary>
    LeadsOutside,
}

/// <summary>What is known about a question.</summary>
public readonly record struct Resolution
{
    public Resolution()
    {
    }

    public ResolutionKind Kind { get; init; }

    public DnsCode Code { get; init; }

    /// <summary>Records of the very name that was asked for, whatever their owner says; null if there are none.</summary>
    public RecordSet? Direct { get; init; }

    /// <summary>Further answers, each under its owner's name.</summary>
    public IReadOnlyList<RecordSet> Answers { get; init; } = [];

    public IReadOnlyList<RecordSet> Authorities { get; init; } = [];

    public IReadOnlyList<RecordSet> Additionals { get; init; } = [];

    /// <summary>Of <see cref="ResolutionKind.LeadsOutside"/>.</summary>
    public DnsName? Target { get; init; }

    /// <summary>Whether it is known first-hand.</summary>
    public bool IsAuthoritative { get; init; }

    /// <summary>Whether already those who were asked could not say all.</summary>
    public bool IsTruncated { get; init; }

    /// <summary>How long ago it was learnt: records live so much shorter.</summary>
    public uint AgeSeconds { get; init; }

    public static Resolution Failure(DnsCode code) => new() { Code = code };
}
