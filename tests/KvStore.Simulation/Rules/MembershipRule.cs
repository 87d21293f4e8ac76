using KvStore.Mvcc.Commands;
using KvStore.Raft;
using KvStore.Simulation.Members;

namespace KvStore.Simulation.Rules;

/// <summary>A change of members enters the log only when the leader has applied the one before it (thesis §4.1).</summary>
/// <param name="firstMembers">So many changes begin the log; they were agreed on by whoever made the cluster.</param>
internal sealed class MembershipRule(int firstMembers) : IProtocolRule
{
    /// <summary>By the request: what the leader had applied, at most, when it appended the change.</summary>
    private readonly Dictionary<(ulong Index, ulong RequestId), ulong> _appliedWhenAppended = [];

    private readonly List<ulong> _changes = [];

    public void Sent(SimulatedMember from, Message message)
    {
        if (message.Type != MessageType.App)
            return;
        foreach (ref readonly var entry in message.Entries.Span)
        {
            // A later leader only passes it on.
            if (entry.Type != EntryType.Normal && entry.Term == message.Term && RequestOf(entry) is { } request)
                _appliedWhenAppended.TryAdd((entry.Index, request), from.Member!.Core.Consensus.Log.Applied);
        }
    }

    /// <summary>A change was applied for the first time anywhere.</summary>
    public void Applied(ulong index, ulong requestId)
    {
        if (index > (ulong)firstMembers && _appliedWhenAppended.TryGetValue((index, requestId), out ulong applied))
            Check.Holds(applied >= _changes[^1], $"the change of members in entry {index} was appended when entry {applied} was applied, but {_changes[^1]} is one too");
        _changes.Add(index);
    }

    private static ulong? RequestOf(in Entry entry)
    {
        if (ConfChangeV2.FromEntry(entry) is not { Context.IsEmpty: false } change)
            return null;
        return CommandBatch.Read(change.Context).TryRead(out var command) ? command.RequestId : null;
    }
}
