namespace KvStore.Server.Bench.Http2;

/// <summary>How a call ended: the gRPC status of its trailers, or what went wrong before there were any.</summary>
internal readonly record struct CallOutcome(int Status, string Message)
{
    /// <summary>No status came: the stream was reset, or ended without trailers, or with another answer than 200.</summary>
    private const int NoStatus = -1;

    public static readonly CallOutcome Ok = new(0, "");

    public bool IsOk => Status == 0;

    public static CallOutcome Broken(string reason) => new(NoStatus, reason);

    public override string ToString() => Status == NoStatus ? Message : $"grpc-status {Status}: {Message}";
}
