using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Orchestrator.Control.Certificates;

namespace Orchestrator.Runtime.Security.NodeCertificates;

/// <summary>What a node's certificate says, and where it is kept.</summary>
public sealed record NodeCertificateOptions
{
    /// <summary>Certificate and key together, so that a crash leaves the old or the new pair.</summary>
    public required string File { get; init; }

    public required string NodeName { get; init; }

    public required string SignerName { get; init; }

    public required IReadOnlyList<string> Usages { get; init; }

    public IReadOnlyList<string> DnsNames { get; init; } = [];

    public IReadOnlyList<IPAddress> Addresses { get; init; } = [];

    /// <summary>How long it is to be good; null: as long as the signer likes.</summary>
    public TimeSpan? Lifetime { get; init; }

    /// <summary>How long one request is waited for; then another is made.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(15);

    public TimeSpan PollInterval { get; init; } = TimeSpan.FromMilliseconds(200);

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Numbers in [0, 1): nodes that joined together do not renew together.</summary>
    public Func<double> Spread { get; init; } = Random.Shared.NextDouble;

    public ILogger Log { get; init; } = NullLogger.Instance;

    /// <summary>What the node shows the API server.</summary>
    public static NodeCertificateOptions Client(string file, string nodeName) => new()
    {
        File = file,
        NodeName = nodeName,
        SignerName = CertificateSigners.ApiServerClientKubelet,
        Usages = ["digital signature", "client auth"],
    };

    /// <summary>What the node's kubelet shows whoever connects to it.</summary>
    public static NodeCertificateOptions Serving(string file, string nodeName, IPAddress address) => new()
    {
        File = file,
        NodeName = nodeName,
        SignerName = CertificateSigners.KubeletServing,
        Usages = ["digital signature", "server auth"],
        DnsNames = [nodeName],
        Addresses = [address],
    };
}
