namespace Orchestrator.Runtime.Kubelet.Cri;

/// <summary>What a kubelet asks of the store of images: the shape of CRI v1's ImageService.</summary>
public interface IImageService
{
    Task<IReadOnlyList<RuntimeImage>> ListImagesAsync(CancellationToken ct);

    /// <returns>Null when the image is not here.</returns>
    Task<RuntimeImage?> ImageStatusAsync(string image, CancellationToken ct);

    /// <param name="credentials">Null for what anybody may have.</param>
    /// <param name="sandbox">For whom: mirrors may depend on it.</param>
    /// <returns>The image as it is known from now on.</returns>
    /// <exception cref="CriException">It cannot be had; the message says why.</exception>
    Task<RuntimeImage> PullImageAsync(string image, RegistryCredentials? credentials, PodSandboxConfig sandbox, CancellationToken ct);

    Task RemoveImageAsync(string image, CancellationToken ct);
}
