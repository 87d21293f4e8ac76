using KvStore.Grpc;

namespace KvStore.Client;

/// <summary>The text with which a server ends a watch. For a refusal it is Go's print of a status:
/// <c>rpc error: code = PermissionDenied desc = etcdserver: permission denied</c>.</summary>
internal static class CancelReason
{
    private const string Code = "rpc error: code = ";
    private const string Description = " desc = ";

    public static (StatusCode Code, string Reason) Parse(string text)
    {
        int description = text.IndexOf(Description, StringComparison.Ordinal);
        if (!text.StartsWith(Code, StringComparison.Ordinal) || description < 0)
            return (StatusCode.Cancelled, text.Length == 0 ? "the server has ended the watch and gives no reason" : text);
        return Enum.TryParse<StatusCode>(text.AsSpan()[Code.Length..description], out var code)
            ? (code, text[(description + Description.Length)..])
            : (StatusCode.Unknown, text[(description + Description.Length)..]);
    }
}
