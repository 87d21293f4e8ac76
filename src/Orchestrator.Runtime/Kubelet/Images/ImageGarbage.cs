using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Images;

/// <summary>When images are collected as garbage, and how far; Kubernetes' figures.</summary>
public sealed record ImageGarbageSettings
{
    /// <summary>From so full a disk on, in percent.</summary>
    public int HighThresholdPercent { get; init; } = 85;

    /// <summary>Until the disk is only so full.</summary>
    public int LowThresholdPercent { get; init; } = 80;

    /// <summary>Younger ones stay: who pulled one is about to use it.</summary>
    public TimeSpan MinimumAge { get; init; } = TimeSpan.FromMinutes(2);

    public TimeSpan Interval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Images that are never collected although no container names them: that of sandboxes, which old runtimes do not pin.</summary>
    public IReadOnlyList<string> Kept { get; init; } = [PauseImage.Name];
}

/// <summary>What is to be freed, and by which images.</summary>
/// <param name="WantedBytes">How much has to go; 0 while the disk is not too full.</param>
/// <param name="Candidates">In the order in which they are to go, until enough is free.</param>
public sealed record ImageGarbagePlan(long WantedBytes, IReadOnlyList<RuntimeImage> Candidates);

/// <summary>Remembers since when each image is here and when it was last used, and says which ones go.</summary>
/// <remarks>Decides only; asks no disk, no runtime and no clock.</remarks>
public sealed class ImageGarbage(ImageGarbageSettings settings)
{
    private readonly Dictionary<string, Record> _records = [];

    /// <summary>Takes note of what is here and in use now.</summary>
    /// <param name="inUse">Whatever containers say of their images: names, references, ids.</param>
    public void Observe(IReadOnlyList<RuntimeImage> images, IReadOnlySet<string> inUse, DateTimeOffset now)
    {
        HashSet<string> here = [.. images.Select(image => image.Id)];
        foreach (string gone in _records.Keys.Where(id => !here.Contains(id)).ToList())
            _records.Remove(gone);
        foreach (RuntimeImage image in images)
        {
            if (!_records.TryGetValue(image.Id, out Record? record))
                // Nobody knows how old those are that were here before us: as old as can be where it counts.
                _records.Add(image.Id, record = new Record { FirstSeen = HasObserved ? now : DateTimeOffset.MinValue });
            if (IsInUse(image, inUse))
                record.LastUsed = now;
        }
        HasObserved = true;
    }

    /// <summary>Which images go, the one that was not used for longest first.</summary>
    /// <param name="capacityBytes">Of the file system that images lie on.</param>
    public ImageGarbagePlan Plan(
        IReadOnlyList<RuntimeImage> images, IReadOnlySet<string> inUse, long capacityBytes, long availableBytes, DateTimeOffset now)
    {
        IReadOnlyList<RuntimeImage> unused = Unused(images, inUse, now);
        long usedPercent = capacityBytes <= 0 ? 0 : 100 - availableBytes * 100 / capacityBytes;
        if (usedPercent < settings.HighThresholdPercent)
            return new ImageGarbagePlan(0, []);
        long wanted = capacityBytes * (100 - settings.LowThresholdPercent) / 100 - availableBytes;
        return new ImageGarbagePlan(wanted, unused);
    }

    /// <summary>All that could go, the one that was not used for longest first.</summary>
    public IReadOnlyList<RuntimeImage> Unused(IReadOnlyList<RuntimeImage> images, IReadOnlySet<string> inUse, DateTimeOffset now)
    {
        Observe(images, inUse, now);
        return
        [
            .. images.Where(image => !image.IsPinned && !IsInUse(image, inUse) && now - _records[image.Id].FirstSeen >= settings.MinimumAge)
                .OrderBy(image => _records[image.Id].LastUsed).ThenBy(image => _records[image.Id].FirstSeen)
                .ThenBy(image => image.Id, StringComparer.Ordinal),
        ];
    }

    private bool HasObserved { get; set; }

    private bool IsInUse(RuntimeImage image, IReadOnlySet<string> inUse) =>
        inUse.Contains(image.Id) || inUse.Contains(image.ImageId) || image.RepoTags.Any(tag => inUse.Contains(tag) || settings.Kept.Contains(tag));

    private sealed class Record
    {
        public DateTimeOffset FirstSeen { get; init; }

        public DateTimeOffset LastUsed { get; set; }
    }
}
