using System.Security.Cryptography;
using System.Text;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Hollow;

/// <summary>
/// A store of images that can have any image, at once: but none with the tag <c>missing</c>, none of a pod that is annotated
/// to fail its pull, and none of a registry whose name ends in <c>.invalid</c>.
/// </summary>
internal sealed class PretendImages : IImageService
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, RuntimeImage> _images = [];

    public static string Digest(string image) =>
        $"{Repository(image)}@sha256:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(image)))}";

    public Task<IReadOnlyList<RuntimeImage>> ListImagesAsync(CancellationToken ct)
    {
        lock (_gate)
            return Task.FromResult<IReadOnlyList<RuntimeImage>>([.. _images.Values]);
    }

    public Task<RuntimeImage?> ImageStatusAsync(string image, CancellationToken ct)
    {
        lock (_gate)
            return Task.FromResult(_images.GetValueOrDefault(image));
    }

    public Task<RuntimeImage> PullImageAsync(string image, RegistryCredentials? credentials, PodSandboxConfig sandbox, CancellationToken ct)
    {
        string registry = image.Split('/')[0].Split(':')[0];
        bool isAnnotated = sandbox.Annotations.GetValueOrDefault(HollowAnnotations.Prefix + "fail") == "pull";
        if (isAnnotated || image.EndsWith(":missing", StringComparison.Ordinal) || registry.EndsWith(".invalid", StringComparison.Ordinal))
            throw new CriException($"failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": {image}: not found");
        var pulled = new RuntimeImage(Digest(image), [image], 50_000_000 + Digest(image)[^1] * 100_000);
        lock (_gate)
            _images[image] = pulled;
        return Task.FromResult(pulled);
    }

    public Task RemoveImageAsync(string image, CancellationToken ct)
    {
        lock (_gate)
            _images.Remove(image);
        return Task.CompletedTask;
    }

    private static string Repository(string image)
    {
        string name = image.Split('@')[0];
        int colon = name.LastIndexOf(':');
        return colon > name.LastIndexOf('/') ? name[..colon] : name;
    }
}
