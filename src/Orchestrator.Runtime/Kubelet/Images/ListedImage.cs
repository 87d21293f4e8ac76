using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Images;

/// <summary>A name of an image, for people.</summary>
/// <param name="Name">With registry and tag; with the hash where it has no tag.</param>
/// <param name="Digest">Of what the name stands for.</param>
/// <param name="CreatedAt">When the name came to this machine.</param>
public sealed record ListedImage(string Name, string Digest, long SizeBytes, DateTimeOffset CreatedAt)
{
    /// <summary>containerd's names with what the runtime interface knows of the sizes. Ids and hashes that stand beside a tag are left out.</summary>
    internal static IReadOnlyList<ListedImage> Join(
        IReadOnlyList<(string Name, string Digest, DateTimeOffset CreatedAt)> named, IReadOnlyList<RuntimeImage> known)
    {
        var sizes = new Dictionary<string, long>();
        foreach (RuntimeImage image in known)
        {
            foreach (string name in image.RepoTags.Append(image.Id))
                sizes[name] = image.SizeBytes;
        }
        HashSet<string> tagged = [.. named.Where(one => IsTag(one.Name)).Select(one => one.Digest)];
        return
        [
            .. named.Where(one => IsTag(one.Name) || !tagged.Contains(one.Digest) && !IsIdBesideHash(one.Name, one.Digest, named))
                .Select(one => new ListedImage(one.Name, one.Digest, sizes.GetValueOrDefault(one.Name), one.CreatedAt))
                .OrderByDescending(image => image.CreatedAt).ThenBy(image => image.Name, StringComparer.Ordinal),
        ];
    }

    private static bool IsTag(string name) => !IsId(name) && !name.Contains('@');

    private static bool IsId(string name) => name.StartsWith("sha256:", StringComparison.Ordinal);

    private static bool IsIdBesideHash(string name, string digest, IReadOnlyList<(string Name, string Digest, DateTimeOffset CreatedAt)> named) =>
        IsId(name) && named.Any(other => other.Digest == digest && other.Name.Contains('@'));
}
