using System.Globalization;
using KvStore.Mvcc;
using KvStore.Raft;
using KvStore.Server.Members.Checkpoints;
using KvStore.Storage.Disks;
using KvStore.Storage.Wal;

namespace KvStore.Server.Members.Snapshots;

/// <summary>Another member's snapshot, whole and durable, but no checkpoint of this member yet.</summary>
/// <remarks>
/// Load it, then <see cref="Checkpointer.Install"/> it; or dispose of it, which deletes it. To be disposed of in any case: once it
/// is a checkpoint that does nothing.
/// </remarks>
internal sealed class StagedSnapshot(IDisk disk, DataDirectory directory, SnapshotHead head, CheckpointManifest manifest) : IDisposable
{
    private string _indexPath = StagedIndexPath(directory, manifest.Generation);
    private bool _isCheckpoint;

    /// <summary>The last entry that it holds, and the members then.</summary>
    public SnapshotHead Head => head;

    public CheckpointManifest Manifest => manifest;

    /// <summary>What the log is to say once this is a checkpoint (<see cref="WriteAheadLog.AppendRestart"/>).</summary>
    public CheckpointMark Mark => new(head.Applied, head.ConfState, default);

    /// <summary>The state machine that a start would make of it. Reads and checks everything but the values; takes its time.</summary>
    /// <exception cref="InvalidDataException">A part is damaged: it was at its sender.</exception>
    public StateMachine Load(IMemberParts parts, Func<DiskFullException, bool> waitForSpace) =>
        new CheckpointLoader(disk, new ValueGenerations(disk, directory), parts, waitForSpace).Load(manifest, _indexPath, troubles: null);

    /// <summary>Makes it a checkpoint. It counts from the moment the log says so too.</summary>
    public void Commit(CheckpointDirectory checkpoints, long number)
    {
        Invariant.Holds(!_isCheckpoint);
        checkpoints.MoveIndexHere(_indexPath, number);
        _indexPath = checkpoints.IndexPath(number);
        checkpoints.Write(number, manifest);
        _isCheckpoint = true;
    }

    public void Dispose()
    {
        if (_isCheckpoint)
            return;
        if (disk.FileExists(_indexPath))
            disk.Delete(_indexPath);
        new ValueGenerations(disk, directory).Delete(manifest.Generation);
    }

    /// <summary>Named for the values' generation, so that a snapshot may arrive while another one is being installed.</summary>
    public static string StagedIndexPath(DataDirectory directory, int generation) =>
        Path.Combine(directory.Snapshot, string.Create(CultureInfo.InvariantCulture, $"index.{generation}"));

    /// <summary>Deletes what has come of snapshots, but for their values.</summary>
    public static void DeleteStaging(IDisk disk, DataDirectory directory)
    {
        if (!disk.DirectoryExists(directory.Snapshot))
            return;
        foreach (string name in disk.List(directory.Snapshot))
            disk.Delete(Path.Combine(directory.Snapshot, name));
        disk.DeleteDirectory(directory.Snapshot);
        disk.SyncDirectory(directory.Path);
    }
}
