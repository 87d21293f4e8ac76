using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Orchestrator.Api;

namespace Orchestrator.Runtime.Informers;

/// <summary>What an informer looks at, and how.</summary>
public sealed record InformerOptions
{
    /// <summary>"" for all.</summary>
    public string Namespace { get; init; } = "";

    public string? LabelSelector { get; init; }

    public string? FieldSelector { get; init; }

    /// <summary>How often every object is told to the handlers again although it did not change; null: never.</summary>
    public TimeSpan? Resync { get; init; }

    /// <summary>Whether initial state is asked for as a stream; a server that refuses is asked for lists from then on.</summary>
    public bool UsesWatchList { get; init; } = true;

    /// <summary>Keeps metadata alone.</summary>
    public bool IsMetadataOnly { get; init; }

    /// <summary>Changes an object before it is stored, to save memory: nobody else has it yet.</summary>
    public Action<IKubernetesObject>? Trim { get; init; }

    /// <summary>The first pause after a fault; it doubles up to <see cref="RetryLimit"/>.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(800);

    public TimeSpan RetryLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The server ends a watch after this time and up to as long again, so that many do not end at once.</summary>
    public TimeSpan WatchTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Numbers in [0, 1) that spread timeouts and pauses.</summary>
    public Func<double> Jitter { get; init; } = Random.Shared.NextDouble;

    /// <summary>Keeps a copy of each object as it came, so that <see cref="Informer.FindMutated"/> can tell who changed one.</summary>
    public bool DetectsMutations { get; init; }

    public ILogger Log { get; init; } = NullLogger.Instance;
}
