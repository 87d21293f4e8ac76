using KvStore.Mvcc;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.State;
using KvStore.Mvcc.Store;
using KvStore.Storage.Disks;
using KvStore.Storage.Values;

namespace KvStore.Server.Members.Checkpoints;

/// <summary>Makes a state machine from a checkpoint: at a start, and when another member's snapshot is taken over.</summary>
internal sealed class CheckpointLoader(IDisk disk, ValueGenerations generations, IMemberParts parts, Func<DiskFullException, bool> waitForSpace)
{
    /// <param name="troubles">Told when the key index had to be made anew; null refuses to do that.</param>
    /// <exception cref="InvalidDataException">A part is damaged.</exception>
    /// <exception cref="FileNotFoundException">A part is missing.</exception>
    public StateMachine Load(CheckpointManifest manifest, string indexPath, List<string>? troubles)
    {
        IValueStore? values = null;
        IKeyIndex? index = null;
        try
        {
            parts.DoAll(
                () => values = parts.OpenValues(disk, generations.PathOf(manifest.Generation), manifest.Values),
                () => index = TryLoadIndex(indexPath, manifest.Revision, troubles));
            index ??= RebuildIndex(values!, manifest.Revision);
            return StateMachine.Load(manifest.State.Span, image =>
                new MvccStore(index, values!, image.CurrentRevision, image.CompactRevision, waitForSpace));
        }
        catch
        {
            values?.Dispose();
            index?.Dispose();
            throw;
        }
    }

    /// <summary>The saved key index, or null when that cannot be used.</summary>
    private IKeyIndex? TryLoadIndex(string path, long revision, List<string>? troubles)
    {
        var index = parts.CreateIndex();
        try
        {
            using var file = disk.Open(path, FileOpening.Existing);
            long saved = IndexFile.Load(file, index);
            // A checkpoint that came to nothing may have left its key index under this number.
            if (saved != revision)
                throw new InvalidDataException($"'{path}' is of revision {saved}, its checkpoint of {revision}");
            return index;
        }
        catch (Exception damage) when (damage is InvalidDataException or FileNotFoundException)
        {
            index.Dispose();
            if (troubles is null)
                throw;
            troubles.Add($"the saved key index cannot be used, it is made anew from the values: {damage.Message}");
            return null;
        }
    }

    private IKeyIndex RebuildIndex(IValueStore values, long revision)
    {
        var index = parts.CreateIndex();
        IndexRebuild.FromValues(index, values, revision);
        return index;
    }
}
