using KvStore.Mvcc.Commands;
using KvStore.Raft;
using KvStore.Simulation.Members;

namespace KvStore.Simulation.Rules;

/// <summary>A leader alone ends leases and notes what is left of them: who does not lead any more passes neither on to its
/// successor, at whom they may have been renewed.</summary>
internal sealed class LeaseRule : IProtocolRule
{
    public void Sent(SimulatedMember from, Message message)
    {
        if (message.Type != MessageType.Prop)
            return;
        foreach (ref readonly var entry in message.Entries.Span)
        {
            if (entry.Type == EntryType.Normal && !entry.Data.IsEmpty)
                Proposes(from, message.To, entry.Data);
        }
    }

    private static void Proposes(SimulatedMember from, NodeId leader, ReadOnlyMemory<byte> batch)
    {
        var commands = CommandBatch.Read(batch);
        while (commands.TryRead(out var command))
        {
            bool isOfLeader = command.Kind is CommandKind.LeaseExpire or CommandKind.LeaseCheckpoint;
            Check.Holds(!isOfLeader, $"member {from.Number} passes a {command.Kind} on to {leader}, which nobody has asked for");
        }
    }
}
