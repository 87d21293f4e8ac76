namespace Orchestrator.Runtime.Kubelet.Images.Registries;

/// <summary>A server that has a registry's images.</summary>
/// <param name="Url">What the runtime asks, up to the image's name; a path of it takes the place of the protocol's own beginning.</param>
internal sealed record RegistryEndpoint(Uri Url)
{
    private const string ProtocolPath = "/v2";

    public string Host => Url.Authority;

    /// <summary>Whether the runtime must leave the path as it is, instead of putting the protocol's before it.</summary>
    public bool HasOwnPath => Url.AbsolutePath is not ("/" or ProtocolPath);

    public static IReadOnlyList<RegistryEndpoint> ListOf(FilePlace mirror)
    {
        mirror.Allow("endpoint", "rewrite");
        string prefix = Prefix(mirror);
        return [.. mirror.Texts("endpoint").Select(text => Parse(mirror, text, prefix))];
    }

    private static RegistryEndpoint Parse(FilePlace mirror, string text, string prefix)
    {
        // Who names no scheme means TLS, but on the machine itself.
        string address = text.Contains("://", StringComparison.Ordinal) ? text
            : (text.StartsWith("localhost", StringComparison.Ordinal) || text.StartsWith("127.", StringComparison.Ordinal) ? "http://" : "https://") + text;
        if (!Uri.TryCreate(address, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url.Host.Length == 0
            || url.Query.Length + url.Fragment.Length + url.UserInfo.Length > 0)
            throw mirror.Refuse($"endpoint: \"{text}\" is no URL of a registry: give https://HOST:PORT, with a path if need be");
        string path = url.AbsolutePath.TrimEnd('/');
        if (path.Length == 0)
            path = ProtocolPath;
        return new RegistryEndpoint(new UriBuilder(url) { Path = path + prefix }.Uri);
    }

    /// <summary>containerd changes no names. The one rewriting that it can do is what mirrors of several registries need: a path before all.</summary>
    private static string Prefix(FilePlace mirror)
    {
        string prefix = "";
        foreach (var (pattern, place) in mirror.Entries("rewrite"))
        {
            string target = place.AsText();
            if (prefix.Length > 0 || pattern is not ("(.*)" or "^(.*)" or "^(.*)$" or "(.*)$") || !target.EndsWith("/$1", StringComparison.Ordinal) || target.Count('$') > 1)
                throw mirror.Refuse($"rewrite: \"{pattern}\" to \"{target}\" is nothing that containerd can do: what can be rewritten is all names, by a path before them (\"^(.*)$\": \"PATH/$1\")");
            prefix = "/" + target[..^"/$1".Length].Trim('/');
        }
        return prefix;
    }
}
