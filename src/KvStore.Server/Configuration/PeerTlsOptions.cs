namespace KvStore.Server.Configuration;

/// <summary>TLS between members.</summary>
public sealed record PeerTlsOptions
{
    /// <summary>Of the peer port; its trusted CAs and allowed host names hold for the members that are called too.</summary>
    public required TlsOptions Tls { get; init; }

    /// <summary>PEM; shown to the members that are called. Empty means the peer port's.</summary>
    public required string CallCertFile { get; init; }

    public required string CallKeyFile { get; init; }

    /// <summary>Common names one of which a peer's certificate must have; empty is no such condition.</summary>
    public required IReadOnlyList<string> AllowedCommonNames { get; init; }

    /// <summary>A caller's address need not be one that its certificate names.</summary>
    public required bool SkipsClientSanVerification { get; init; }

    /// <summary>CRL as DER or PEM; empty is none.</summary>
    public required string RevocationListFile { get; init; }

    /// <summary>Encrypt with a certificate that the member makes itself, where none is given.</summary>
    public required bool IsAutomatic { get; init; }

    public required int SelfSignedYears { get; init; }
}
