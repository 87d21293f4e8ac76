using KvStore.Server.Http;

namespace KvStore.Server.Tests.Http;

/// <summary>A member that is as healthy as it is told.</summary>
internal sealed class FakeServer : IServerHealth
{
    public IReadOnlyList<string> Alarms { get; set; } = [];

    public bool HasLeader { get; set; } = true;

    public bool IsLearner { get; set; }

    public string? ClusterVersion { get; set; } = "3.6.0";

    /// <summary>A read answers only when it is cancelled.</summary>
    public bool Hangs { get; set; }

    public Func<bool, string?> ReadError { get; set; } = _ => null;

    public async Task<string?> CheckReadAsync(bool serializable, CancellationToken cancellation)
    {
        if (Hangs)
            await new TaskCompletionSource().Task.WaitAsync(cancellation);
        return ReadError(serializable);
    }
}
