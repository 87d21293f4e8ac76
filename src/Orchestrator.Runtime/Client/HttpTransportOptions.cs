using System.Security.Cryptography.X509Certificates;

namespace Orchestrator.Runtime.Client;

/// <summary>Where an API server is and who is calling it.</summary>
public sealed record HttpTransportOptions(Uri Server)
{
    /// <summary>Whose signature on the server's certificate is believed; null: the machine's own authorities.</summary>
    public X509Certificate2Collection? CertificateAuthorities { get; init; }

    /// <summary>Presented to the server; needs its private key.</summary>
    public X509Certificate2? ClientCertificate { get; init; }

    /// <summary>Asked before each request, as tokens are renewed on disk; null or an empty answer: no bearer token.</summary>
    public Func<string?>? BearerToken { get; init; }

    /// <summary>The server records its first word as the field manager of our writes.</summary>
    public string UserAgent { get; init; } = "orchestrator";

    /// <summary>The longest that one answer may take. Watches have no such limit.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>An HTTP/2 connection that answers no ping for this long is dead, and its watches end with an error.</summary>
    public TimeSpan PingTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a connection may be silent before it is pinged.</summary>
    public TimeSpan PingDelay { get; init; } = TimeSpan.FromSeconds(30);

    public TimeProvider Time { get; init; } = TimeProvider.System;
}
