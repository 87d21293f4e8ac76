using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Orchestrator.Runtime.Informers;
using Orchestrator.Runtime.LeaderElection;

namespace Orchestrator.Runtime.Controllers;

/// <summary>How the controllers are hosted.</summary>
public sealed record ControllerManagerOptions
{
    /// <summary>Null: no election, this process is the only one.</summary>
    public LeaderElectorOptions? Election { get; init; }

    public InformerOptions Informers { get; init; } = new();

    /// <summary>Who signs certificates; null: nobody, requests stay as they are.</summary>
    public ICertificateSigner? Signer { get; init; }

    /// <summary>Who signs the tokens in service accounts' secrets; null: nobody, such secrets stay as they are.</summary>
    public ITokenIssuer? TokenIssuer { get; init; }

    /// <summary>Numbers in [0, 1) that spread retries.</summary>
    public Func<double> Jitter { get; init; } = Random.Shared.NextDouble;

    public ILogger Log { get; init; } = NullLogger.Instance;
}
