namespace Orchestrator.Runtime.Kubelet.Images;

/// <summary>Names of images as people write them, and as runtimes keep them.</summary>
public static class ImageNames
{
    /// <summary>With registry and tag: <c>busybox</c> becomes <c>docker.io/library/busybox:latest</c>.</summary>
    public static string Normalize(string name)
    {
        int slash = name.IndexOf('/', StringComparison.Ordinal);
        string first = slash < 0 ? "" : name[..slash];
        // A registry is what could be a host's name: with a dot, a port, or this machine.
        bool hasRegistry = first.AsSpan().ContainsAny('.', ':') || first == "localhost";
        string whole = hasRegistry ? name : slash < 0 ? "docker.io/library/" + name : "docker.io/" + name;
        return whole.AsSpan(whole.LastIndexOf('/')).ContainsAny(':', '@') ? whole : whole + ":latest";
    }
}
