using System.Diagnostics.Metrics;
using Tag = System.Collections.Generic.KeyValuePair<string, object?>;

namespace KvStore.Server.Telemetry;

/// <summary>One RPC's counts; a call costs two interlocked additions, and a histogram if metrics are extensive.</summary>
public sealed class GrpcMethodMetrics
{
    /// <summary>Names of the status codes, at their numbers.</summary>
    private static readonly string[] CodeNames =
    [
        "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied",
        "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable",
        "DataLoss", "Unauthenticated",
    ];

    private readonly Histogram<double>? _handling;
    private readonly Tag[] _tags;
    private readonly Tag[][] _tagsByCode;
    private readonly long[] _handled = new long[CodeNames.Length];
    private readonly Tally _started = new();
    private readonly Tally _received = new();
    private readonly Tally _sent = new();

    internal GrpcMethodMetrics(GrpcMethod method, Histogram<double>? handling)
    {
        _handling = handling;
        _tags = [new("grpc_method", method.Name), new("grpc_service", method.Service), new("grpc_type", method.Kind)];
        _tagsByCode = [.. CodeNames.Select(code => (Tag[])[new("grpc_code", code), .. _tags])];
    }

    public void Started() => _started.Increment();

    public void MessageReceived() => _received.Increment();

    public void MessageSent() => _sent.Increment();

    /// <param name="code">The gRPC status code; one beyond those known counts as Unknown.</param>
    public void Handled(int code, TimeSpan took)
    {
        const int unknown = 2;
        Interlocked.Increment(ref _handled[(uint)code < (uint)CodeNames.Length ? code : unknown]);
        _handling?.Record(took.TotalSeconds, _tags);
    }

    internal Measurement<long> MeasureStarted() => new(_started.Value, _tags);

    internal Measurement<long> MeasureReceived() => new(_received.Value, _tags);

    internal Measurement<long> MeasureSent() => new(_sent.Value, _tags);

    internal IEnumerable<Measurement<long>> MeasureHandled()
    {
        for (int code = 0; code < CodeNames.Length; code++)
            yield return new Measurement<long>(Interlocked.Read(ref _handled[code]), _tagsByCode[code]);
    }
}
