namespace KvStore.Server.Http;

/// <summary>What the HTTP side asks a member about itself. Called from any thread.</summary>
public interface IServerHealth
{
    /// <summary>Names of the alarms that are raised, of any member: NOSPACE, CORRUPT.</summary>
    IReadOnlyList<string> Alarms { get; }

    bool HasLeader { get; }

    bool IsLearner { get; }

    /// <summary>Such as 3.6.0; null while it is not decided.</summary>
    string? ClusterVersion { get; }

    /// <summary>Reads one key as root would, to see whether reading works.</summary>
    /// <returns>Null if it does, else the error's text as a client would get it.</returns>
    Task<string?> CheckReadAsync(bool serializable, CancellationToken cancellation);
}
