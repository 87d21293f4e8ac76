using System.Globalization;
using System.Net.Http.Headers;

namespace KvStore.Grpc;

/// <summary>What a gRPC client reads from HTTP headers and trailers.</summary>
internal static class GrpcStatusHeader
{
    /// <returns>Null where the headers hold no status.</returns>
    public static Status? Find(HttpHeaders headers)
    {
        if (Value(headers, "grpc-status") is not { } code)
            return null;
        var detail = StatusText.Decode(Value(headers, "grpc-message") ?? "");
        return int.TryParse(code, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? new Status(number <= (int)StatusCode.Unauthenticated ? (StatusCode)number : StatusCode.Unknown, detail)
            : new Status(StatusCode.Unknown, $"grpc: the server sent a malformed grpc-status \"{code}\": {detail}");
    }

    public static bool IsGzip(HttpHeaders headers) => Value(headers, "grpc-encoding") == MessageEncoding.Gzip;

    public static Metadata ToMetadata(HttpHeaders headers)
    {
        var metadata = new Metadata();
        foreach (var (key, values) in headers.NonValidated)
        {
            if (key is "grpc-status" or "grpc-message" or "grpc-encoding" or "grpc-accept-encoding")
                continue;
            MetadataHeaders.Add(metadata, key, values.ToArray());
        }

        return metadata;
    }

    private static string? Value(HttpHeaders headers, string name) =>
        headers.NonValidated.TryGetValues(name, out var values) ? values.ToString() : null;
}
