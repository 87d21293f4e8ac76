using KvStore.Raft;

namespace KvStore.Server.Members;

/// <summary>The way to the other members. What comes back goes to <see cref="Member.Deliver"/>.</summary>
public interface IPeerNetwork
{
    /// <summary>Sends to the member that the message names. Never waits; a message may be lost, or overtaken.</summary>
    void Send(Message message);

    /// <summary>The members from now on, with their addresses. Apply loop.</summary>
    void SetMembers(IReadOnlyList<Protocol.Member> members);

    /// <summary>For how long the other member has been reachable without a break; null when it is not. Any thread.</summary>
    TimeSpan? ReachableFor(NodeId peer);
}
