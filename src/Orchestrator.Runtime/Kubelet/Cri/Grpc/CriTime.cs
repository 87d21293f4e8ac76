namespace Orchestrator.Runtime.Kubelet.Cri.Grpc;

/// <summary>CRI's times: nanoseconds since 1970, 0 for none.</summary>
internal static class CriTime
{
    public static DateTimeOffset FromNanoseconds(long nanoseconds) =>
        DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / TimeSpan.NanosecondsPerTick);

    public static DateTimeOffset? FromNanosecondsOrNone(long nanoseconds) => nanoseconds > 0 ? FromNanoseconds(nanoseconds) : null;

    /// <summary>Whole seconds, rounded up: nobody gets less time than was meant for him.</summary>
    public static long ToSeconds(TimeSpan time) => (long)Math.Ceiling(Math.Max(0, time.TotalSeconds));
}
