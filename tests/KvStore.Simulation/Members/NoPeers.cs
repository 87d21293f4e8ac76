using KvStore.Raft;
using KvStore.Server.Members;

namespace KvStore.Simulation.Members;

/// <summary>For the only member of its cluster: what it sends to others reaches nobody.</summary>
internal sealed class NoPeers : IPeerNetwork
{
    public void Send(Message message)
    {
    }

    public void SetMembers(IReadOnlyList<Protocol.Member> members)
    {
    }

    public TimeSpan? ReachableFor(NodeId peer) => null;
}
