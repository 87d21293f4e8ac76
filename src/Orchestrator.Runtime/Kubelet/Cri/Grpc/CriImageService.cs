using KvStore.Grpc;
using V1 = Orchestrator.Cri.V1;

namespace Orchestrator.Runtime.Kubelet.Cri.Grpc;

/// <summary>The images of a real runtime, over CRI v1.</summary>
public sealed class CriImageService(CriConnection connection) : IImageService
{
    public async Task<IReadOnlyList<RuntimeImage>> ListImagesAsync(CancellationToken ct)
    {
        V1.ListImagesResponse answer = await connection.CallAsync(CriMethods.ListImages, new V1.ListImagesRequest(), ct);
        return [.. answer.Images.Select(FromMessage)];
    }

    public async Task<RuntimeImage?> ImageStatusAsync(string image, CancellationToken ct)
    {
        var request = new V1.ImageStatusRequest { Image = new V1.ImageSpec { Image = image } };
        V1.ImageStatusResponse answer = await connection.CallAsync(CriMethods.ImageStatus, request, ct);
        return answer.Image is { } found ? FromMessage(found) : null;
    }

    public async Task<RuntimeImage> PullImageAsync(
        string image, RegistryCredentials? credentials, PodSandboxConfig sandbox, CancellationToken ct)
    {
        var request = new V1.PullImageRequest
        {
            Image = new V1.ImageSpec { Image = image, UserSpecifiedImage = image },
            Auth = CriMessages.ToMessage(credentials),
            SandboxConfig = CriMessages.ToMessage(sandbox),
        };
        // A large image over a slow line takes what it takes; the runtime gives up by itself when nothing moves.
        V1.PullImageResponse answer = await connection.CallAsync(CriMethods.PullImage, request, timeout: null, ct);
        return await ImageStatusAsync(answer.ImageRef, ct)
            ?? throw new CriException($"image \"{image}\" was pulled as {answer.ImageRef} and is not there", StatusCode.NotFound);
    }

    public async Task RemoveImageAsync(string image, CancellationToken ct)
    {
        var request = new V1.RemoveImageRequest { Image = new V1.ImageSpec { Image = image } };
        try
        {
            await connection.CallAsync(CriMethods.RemoveImage, request, ct);
        }
        catch (CriException e) when (e.Code == StatusCode.NotFound)
        {
            // It is gone: what was asked for.
        }
    }

    public async Task<IReadOnlyList<ImageFilesystem>> ImageFilesystemsAsync(CancellationToken ct)
    {
        V1.ImageFsInfoResponse answer = await connection.CallAsync(CriMethods.ImageFsInfo, new V1.ImageFsInfoRequest(), ct);
        return
        [
            .. answer.ImageFilesystems.Select(usage => new ImageFilesystem(
                usage.FsId?.Mountpoint ?? "",
                CriTime.FromNanoseconds(usage.Timestamp),
                (long)(usage.UsedBytes?.Value ?? 0),
                (long)(usage.InodesUsed?.Value ?? 0))),
        ];
    }

    // An image that came from an archive has no digest of a registry: its own id is what there is.
    private static RuntimeImage FromMessage(V1.Image image) =>
        new(image.RepoDigests.FirstOrDefault() ?? image.Id, [.. image.RepoTags], (long)image.Size)
        {
            ImageId = image.Id,
            UserId = image.Uid?.Value,
            UserName = image.Username,
            IsPinned = image.Pinned,
        };
}
