using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Images;

/// <summary>Frees the disk of images that nobody uses, when it gets too full.</summary>
/// <param name="space">Size and free bytes of the file system at a path.</param>
/// <param name="failed">Told when less could be freed than had to be: in the words of an event of the node.</param>
public sealed class ImageCollector(
    ImageGarbageSettings settings, Func<CancellationToken, Task<IReadOnlyList<RuntimeContainer>>> containers, IImageService images,
    Func<CancellationToken, Task<IReadOnlyList<ImageFilesystem>>> filesystems,
    Func<string, (long CapacityBytes, long AvailableBytes)> space, Action<string, string> failed, TimeProvider clock)
{
    private readonly ImageGarbage _garbage = new(settings);
    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>Looks at intervals until it is cancelled. A runtime that does not answer is left to the next time.</summary>
    /// <remarks>The first look comes after an interval: at the start pods are about to use what nobody uses yet.</remarks>
    public async Task RunAsync(CancellationToken ct)
    {
        while (true)
        {
            await Task.Delay(settings.Interval, clock, ct);
            try
            {
                await CollectAsync(ct);
            }
            catch (Exception e) when (e is CriException or IOException)
            {
                failed("ImageGCFailed", e.Message);
            }
        }
    }

    /// <summary>Removes all that nobody uses, however full the disk is: it is needed for something else.</summary>
    public async Task RemoveUnusedAsync(CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            IReadOnlySet<string> inUse = await InUseAsync(ct);
            IReadOnlyList<RuntimeImage> here = await images.ListImagesAsync(ct);
            foreach (RuntimeImage image in _garbage.Unused(here, inUse, clock.GetUtcNow()))
                await images.RemoveImageAsync(image.Id, ct);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Looks once.</summary>
    /// <returns>How many bytes were freed.</returns>
    public async Task<long> CollectAsync(CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            return await CollectInTurnAsync(ct);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<long> CollectInTurnAsync(CancellationToken ct)
    {
        if ((await filesystems(ct)).FirstOrDefault() is not { } filesystem)
            return 0;
        // Containers first: an image that is pulled and used between the two lists is too young to go.
        IReadOnlySet<string> inUse = await InUseAsync(ct);
        IReadOnlyList<RuntimeImage> here = await images.ListImagesAsync(ct);
        var (capacity, available) = space(filesystem.Mountpoint);
        ImageGarbagePlan plan = _garbage.Plan(here, inUse, capacity, available, clock.GetUtcNow());
        long freed = 0;
        foreach (RuntimeImage image in plan.Candidates.TakeWhile(_ => freed < plan.WantedBytes))
        {
            await images.RemoveImageAsync(image.Id, ct);
            freed += image.SizeBytes;
        }
        if (freed < plan.WantedBytes)
            failed("FreeDiskSpaceFailed", $"Failed to garbage collect required amount of images. Attempted to free {plan.WantedBytes} bytes, but only found {freed} bytes eligible to free.");
        return freed;
    }

    /// <summary>Images of all containers, the dead ones too: their images are needed to start them again.</summary>
    private async Task<IReadOnlySet<string>> InUseAsync(CancellationToken ct) =>
        (await containers(ct)).SelectMany(container => new[] { container.Image, ImageNames.Normalize(container.Image), container.ImageRef }).ToHashSet();
}
