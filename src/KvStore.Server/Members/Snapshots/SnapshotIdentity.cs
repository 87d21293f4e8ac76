using KvStore.Mvcc.State;
using KvStore.Raft;
using KvStore.Server.Members.Checkpoints;
using KvStore.Storage.Values;

namespace KvStore.Server.Members.Snapshots;

/// <summary>Which checkpoint of which member a body is of: a transfer goes on only with the very same.</summary>
/// <param name="Applied">The last entry that the snapshot holds.</param>
/// <param name="Checkpoint">The sender's number of the checkpoint.</param>
/// <param name="Values">Unlike numbers, never used twice by a store on a disk.</param>
internal readonly record struct SnapshotIdentity(EntryId Applied, long Checkpoint, CheckpointId Values)
{
    public static SnapshotIdentity Of(long number, CheckpointManifest manifest) =>
        new(new EntryId(StateImage.Decode(manifest.State.Span).AppliedTerm, manifest.AppliedIndex), number, manifest.Values);
}
