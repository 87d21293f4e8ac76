namespace KvStore.Client;

/// <summary>Reads endpoints as people and members write them.</summary>
internal static class EndpointAddress
{
    /// <exception cref="ArgumentException">It is none.</exception>
    public static Uri Parse(string endpoint, bool hasTls)
    {
        string address = endpoint.Contains("://", StringComparison.Ordinal) || IsUnix(endpoint)
            ? endpoint
            : (hasTls ? "https://" : "http://") + endpoint;
        if (Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" or "unix" or "unixs"
            && (IsUnix(address) ? uri.LocalPath.Length > 1 : uri.Host.Length > 0))
            return uri;
        throw new ArgumentException(
            $"the endpoint \"{endpoint}\" is none of http://host:port, https://host:port, host:port, unix:/path, unixs:/path");
    }

    private static bool IsUnix(string endpoint) =>
        endpoint.StartsWith("unix:", StringComparison.Ordinal) || endpoint.StartsWith("unixs:", StringComparison.Ordinal);
}
