namespace Orchestrator.Control.Dns;

/// <summary>How a question went. Above 15 only together with EDNS, which carries the upper bits.</summary>
public enum DnsCode : ushort
{
    NoError = 0,

    /// <summary>FORMERR.</summary>
    FormatError = 1,

    /// <summary>SERVFAIL.</summary>
    ServerFailure = 2,

    /// <summary>NXDOMAIN: neither this name nor one below it has any record.</summary>
    NameError = 3,

    /// <summary>NOTIMP.</summary>
    NotImplemented = 4,
    Refused = 5,

    /// <summary>BADVERS.</summary>
    BadVersion = 16,
}
