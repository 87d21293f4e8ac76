using KvStore.Raft;
using KvStore.Simulation.Members;
using KvStore.Simulation.Scheduling;

namespace KvStore.Simulation.Rules;

/// <summary>It takes a leader one probe for each term in which logs differ to find where they meet, not one for each entry.</summary>
/// <remarks>
/// What a follower names in a refusal is the last of its entries that may match. The next refusal under the same leader is about
/// an earlier term therefore; the very same term again, at an earlier entry, is a step of one entry.
/// </remarks>
internal sealed class RefusalRule : IProtocolRule
{
    private readonly Dictionary<NodeId, Refusal> _last = [];

    public void Sent(SimulatedMember from, Message message)
    {
        if (message is not { Type: MessageType.AppResp, Reject: true, LogTerm: > 0 })
            return;
        var refusal = new Refusal(from.Process!, message.To, message.Term, new EntryId(message.LogTerm, message.RejectHint));
        if (_last.TryGetValue(from.Id, out var last) && last with { Hint = refusal.Hint } == refusal)
        {
            bool isStep = refusal.Hint.Term == last.Hint.Term && refusal.Hint.Index < last.Hint.Index;
            Check.Holds(!isStep, $"member {from.Number} names entry {refusal.Hint} in a refusal, after {last.Hint}: both are of the same term");
        }
        _last[from.Id] = refusal;
    }

    private readonly record struct Refusal(SimulatedProcess Process, NodeId Leader, ulong Term, EntryId Hint);
}
