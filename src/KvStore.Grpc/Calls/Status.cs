namespace KvStore.Grpc;

/// <summary>How a call ended: a code and a text for people.</summary>
/// <remarks><paramref name="DebugException"/> is the cause on this side of the wire; it is never sent.</remarks>
public readonly record struct Status(StatusCode StatusCode, string Detail, Exception? DebugException = null)
{
    public static readonly Status DefaultSuccess = new(StatusCode.OK, "");

    public static readonly Status DefaultCancelled = new(StatusCode.Cancelled, "context canceled");

    public string Detail { get; init; } = Detail ?? "";

    public override string ToString() => $"Status(StatusCode=\"{StatusCode}\", Detail=\"{Detail}\")";
}
