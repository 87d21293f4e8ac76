namespace KvStore.Server.Bench.Workloads;

/// <summary>Says what a unary workload asks for next.</summary>
internal abstract class RequestSource
{
    /// <param name="message">With gRPC's prefix; valid until the next call.</param>
    public abstract RequestTemplate Next(long now, out ReadOnlySpan<byte> message);
}
