using KvStore.Raft;
using KvStore.Simulation.Members;

namespace KvStore.Simulation.Rules;

/// <summary>Something that holds of the messages between members, whatever goes wrong.</summary>
/// <remarks>It sees what the network sees, and may not count on more: a message that has arrived waits in its member's queue.</remarks>
internal interface IProtocolRule
{
    /// <summary>A member handed a message to the network.</summary>
    void Sent(SimulatedMember from, Message message)
    {
    }

    /// <summary>A message is about to be put in a member's queue.</summary>
    void Arrived(SimulatedMember from, SimulatedMember to, Message message)
    {
    }

    /// <summary>A member's raft loop has done with all that had arrived.</summary>
    void Stepped(SimulatedMember member)
    {
    }

    /// <summary>A member is about to be told that messages to another were lost, or how a snapshot's transfer ended.</summary>
    void Reported(SimulatedMember to, NodeId about)
    {
    }
}
