using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace KvStore.Grpc;

/// <summary>Metadata as HTTP headers: text as it is, bytes in base64.</summary>
internal static class MetadataHeaders
{
    public static void AppendTo(IHeaderDictionary headers, Metadata metadata)
    {
        foreach (var entry in metadata)
            headers.Append(entry.Key, ToHeaderValue(entry));
    }

    public static Metadata From(IHeaderDictionary headers)
    {
        var metadata = new Metadata();
        foreach (var (key, values) in headers)
            Add(metadata, key, values);
        return metadata;
    }

    public static string ToHeaderValue(Metadata.Entry entry) =>
        entry.IsBinary ? Convert.ToBase64String(entry.ValueBytes).TrimEnd('=') : entry.Value;

    public static void Add(Metadata metadata, string key, in StringValues values)
    {
        // The transport's own pseudo headers are no metadata.
        if (key.StartsWith(':'))
            return;
        foreach (var value in values)
        {
            if (key.EndsWith(Metadata.BinaryHeaderSuffix, StringComparison.OrdinalIgnoreCase))
                AddBinary(metadata, key, value ?? "");
            else
                metadata.Add(Metadata.Entry.Received(key, value ?? ""));
        }
    }

    // Several values may share one header, with commas between; padding is optional.
    private static void AddBinary(Metadata metadata, string key, string values)
    {
        foreach (var value in values.Split(','))
        {
            var text = value.Trim().TrimEnd('=');
            var bytes = new byte[text.Length];
            if (!Convert.TryFromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='), bytes, out var count))
                throw new RpcException(StatusCode.Internal, $"malformed binary metadata: the header \"{key}\" is no base64");
            metadata.Add(Metadata.Entry.Received(key, bytes[..count]));
        }
    }
}
