using KvStore.Raft;

namespace KvStore.Simulation.Rules.Cores;

/// <summary>A core as it was when a message came.</summary>
/// <param name="Last">The end of its log.</param>
/// <param name="UnstableFrom">The first entry that does not count as durable.</param>
/// <param name="MessageCount">Messages to go out at once.</param>
/// <param name="AnswerCount">Messages to go out when all is durable.</param>
/// <param name="ReadCount">Reads that were answered here.</param>
internal readonly record struct CoreState(
    HardState Hard, SoftState Soft, EntryId Last, ulong UnstableFrom, int MessageCount, int AnswerCount, int ReadCount)
{
    public static CoreState Of(Consensus core) => new(
        core.HardState, core.SoftState, core.Log.LastEntry, core.Log.Unstable.Offset, core.Outbox.Count, core.OutboxAfterAppend.Count, core.ReadStates.Count);

    /// <summary>What the message made it answer, or null.</summary>
    public Message? AnswerOf(Consensus core) => core.OutboxAfterAppend.Count > AnswerCount ? core.OutboxAfterAppend[AnswerCount] : null;
}
