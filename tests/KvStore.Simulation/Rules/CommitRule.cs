using KvStore.Raft;
using KvStore.Simulation.Members;

namespace KvStore.Simulation.Rules;

/// <summary>A leader counts copies of entries of its own term only; older ones are committed along with those (thesis §3.6.2).</summary>
internal sealed class CommitRule : IProtocolRule
{
    private readonly Dictionary<(NodeId Leader, ulong Term, ulong Index), ulong> _termsOfEntries = [];
    private readonly Dictionary<NodeId, (ulong Term, ulong CommitIndex)> _seen = [];

    public void Sent(SimulatedMember from, Message message)
    {
        if (message.Type != MessageType.App)
            return;
        foreach (ref readonly var entry in message.Entries.Span)
            _termsOfEntries[(from.Id, message.Term, entry.Index)] = entry.Term;
    }

    public void Stepped(SimulatedMember member)
    {
        var status = member.Member!.Leadership;
        if (status.Role != Role.Leader)
            return;
        bool isNew = !_seen.TryGetValue(member.Id, out var seen) || seen.Term != status.Term;
        if (!isNew && status.CommitIndex > seen.CommitIndex && _termsOfEntries.TryGetValue((member.Id, status.Term, status.CommitIndex), out ulong term))
            Check.Holds(term == status.Term, $"member {member.Number}, which leads in term {status.Term}, commits up to entry {status.CommitIndex} of term {term}");
        _seen[member.Id] = (status.Term, status.CommitIndex);
    }
}
