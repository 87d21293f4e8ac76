using KvStore.Storage.Disks;
using KvStore.Storage.Values;

namespace KvStore.Server.Members.Checkpoints;

/// <summary>Holds on to the files of one checkpoint until disposed; they go with the next checkpoint after that.</summary>
internal sealed class CheckpointPin(
    long number, CheckpointManifest manifest, CheckpointDirectory directory, IValueStore values, Action<CheckpointPin> released) : IDisposable
{
    private int _isReleased;

    public long Number => number;

    public CheckpointManifest Manifest => manifest;

    public IFile OpenIndex() => directory.Disk.Open(directory.IndexPath(number), FileOpening.Existing);

    public ICheckpointReader ReadValues(long position) => values.ReadCheckpoint(manifest.Values, position);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isReleased, 1) == 0)
            released(this);
    }
}
