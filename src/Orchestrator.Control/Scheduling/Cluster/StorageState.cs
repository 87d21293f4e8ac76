using System.Globalization;
using Orchestrator.Api.StorageV1;

namespace Orchestrator.Control.Scheduling.Cluster;

/// <summary>Claims, volumes and their classes as scheduling sees them: what the API shows, and over it what was decided and is being
/// written, so that the next decision gives nothing away twice.</summary>
/// <remarks>
/// An object is <em>assumed</em> as it is to be written until any newer version of it is seen: ours, or that of somebody else, on whom our
/// write then fails. Not thread-safe: one owner calls it.
/// </remarks>
public sealed class StorageState
{
    private readonly Dictionary<NamespacedName, Entry<PersistentVolumeClaim>> _claims = [];
    private readonly Dictionary<NamespacedName, Entry<PersistentVolume>> _volumes = [];
    private readonly Dictionary<string, StorageClass> _classes = [];

    public IEnumerable<PersistentVolume> Volumes => _volumes.Values.Select(entry => entry.Current);

    public PersistentVolumeClaim? FindClaim(string ns, string name) => _claims.GetValueOrDefault(new NamespacedName(ns, name))?.Current;

    public PersistentVolume? FindVolume(string name) => _volumes.GetValueOrDefault(new NamespacedName("", name))?.Current;

    public StorageClass? FindClass(string name) => _classes.GetValueOrDefault(name);

    public void Set(PersistentVolumeClaim claim) => Set(_claims, claim);

    public void Set(PersistentVolume volume) => Set(_volumes, volume);

    public void Set(StorageClass storage) => _classes[storage.Name] = storage;

    public void Remove(PersistentVolumeClaim claim) => Remove(_claims, claim);

    public void Remove(PersistentVolume volume) => Remove(_volumes, volume);

    public void Remove(StorageClass storage) => _classes.Remove(storage.Name);

    /// <summary>Takes in what a write was answered with, before the watch shows it. What is gone meanwhile stays gone.</summary>
    public void Learn(IKubernetesObject written)
    {
        if (written is PersistentVolumeClaim claim && IsKnown(_claims, claim))
            Set(claim);
        else if (written is PersistentVolume volume && IsKnown(_volumes, volume))
            Set(volume);
    }

    /// <summary>Shows a claim or volume as it is about to be written.</summary>
    public void Assume(IKubernetesObject changed)
    {
        if (changed is PersistentVolumeClaim claim && _claims.TryGetValue(claim.Key, out var ofClaim))
            ofClaim.Assumed = claim;
        else if (changed is PersistentVolume volume && _volumes.TryGetValue(volume.Key, out var ofVolume))
            ofVolume.Assumed = volume;
    }

    /// <summary>It was not written: what the API shows holds again.</summary>
    public void Forget(IKubernetesObject changed)
    {
        if (changed is PersistentVolumeClaim claim && _claims.TryGetValue(claim.Key, out var ofClaim) && ofClaim.Assumed == claim)
            ofClaim.Assumed = null;
        else if (changed is PersistentVolume volume && _volumes.TryGetValue(volume.Key, out var ofVolume) && ofVolume.Assumed == volume)
            ofVolume.Assumed = null;
    }

    private static void Set<T>(Dictionary<NamespacedName, Entry<T>> entries, T now) where T : class, IKubernetesObject<T>
    {
        if (!entries.TryGetValue(now.Key, out var entry))
        {
            entries.Add(now.Key, new Entry<T>(now));
            return;
        }
        // A watch that is late shows what an answer has told already.
        if (entry.Known.Uid == now.Uid && Version(now) < Version(entry.Known))
            return;
        entry.Known = now;
        if (entry.Assumed is { } assumed && (assumed.Uid != now.Uid || Version(now) > Version(assumed)))
            entry.Assumed = null;
    }

    private static void Remove<T>(Dictionary<NamespacedName, Entry<T>> entries, T gone) where T : class, IKubernetesObject<T>
    {
        if (IsKnown(entries, gone))
            entries.Remove(gone.Key);
    }

    private static bool IsKnown<T>(Dictionary<NamespacedName, Entry<T>> entries, T one) where T : class, IKubernetesObject<T> =>
        entries.TryGetValue(one.Key, out var entry) && entry.Known.Uid == one.Uid;

    private static long Version(IKubernetesObject one) =>
        long.TryParse(one.ResourceVersion, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : 0;

    private sealed class Entry<T>(T known) where T : class
    {
        public T Known { get; set; } = known;

        public T? Assumed { get; set; }

        public T Current => Assumed ?? Known;
    }
}
