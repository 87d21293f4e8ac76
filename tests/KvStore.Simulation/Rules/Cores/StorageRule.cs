using KvStore.Raft;

namespace KvStore.Simulation.Rules.Cores;

/// <summary>What the disk has done is taken note of.</summary>
internal sealed class StorageRule(int number)
{
    public void Written(Consensus core, Message response)
    {
        CheckSnapshot(number, core, response);
        bool isHere = response.Index != 0 && core.Log.Matches(new EntryId(response.LogTerm, response.Index));
        Check.Holds(!isHere || core.Log.Unstable.Offset > response.Index,
            $"entry {response.Index} of member {number} is durable, but does not count so");
    }

    /// <summary>A snapshot holds what was committed: it is in force when it is durable, whatever the term.</summary>
    public static void CheckSnapshot(int number, Consensus core, Message response)
    {
        if (response.Snapshot is not { } snapshot)
            return;
        bool isWaitedFor = core.Log.Unstable.Snapshot?.Metadata.Index == snapshot.Metadata.Index;
        Check.Holds(!isWaitedFor && core.Log.Applied >= snapshot.Metadata.Index,
            $"member {number} waits for a snapshot of entry {snapshot.Metadata.Index} that is in force");
    }
}
