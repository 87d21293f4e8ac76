using KvStore.Raft;
using KvStore.Simulation.Members;

namespace KvStore.Simulation.Rules;

/// <summary>A leader does not send the same entries again before it has heard something of the member that they are for.</summary>
internal sealed class ProbeRule : IProtocolRule
{
    private readonly Dictionary<(NodeId From, NodeId To), (ulong Term, ulong Index)> _last = [];

    /// <summary>What each leader has not looked at yet: any of it may be a reason to send again.</summary>
    private readonly Dictionary<(NodeId Leader, NodeId From), int> _news = [];

    public void Sent(SimulatedMember from, Message message)
    {
        if (message.Type != MessageType.App || message.Entries.IsEmpty)
            return;
        var way = (from.Id, message.To);
        var sent = (message.Term, message.Index);
        if (_last.TryGetValue(way, out var last) && last == sent)
        {
            int news = _news.GetValueOrDefault(way);
            Check.Holds(news > 0, $"member {from.Number} sends the entries behind {message.Index} to {message.To} again before that could answer");
            _news[way] = news - 1;
        }
        _last[way] = sent;
    }

    public void Arrived(SimulatedMember from, SimulatedMember to, Message message) => Hears(to.Id, from.Id);

    public void Reported(SimulatedMember to, NodeId about) => Hears(to.Id, about);

    public void Stepped(SimulatedMember member)
    {
        // It may wait for something to send.
        foreach (var way in _news.Keys)
        {
            if (way.Leader == member.Id)
                _news[way] = Math.Min(_news[way], 1);
        }
    }

    private void Hears(NodeId leader, NodeId from) => _news[(leader, from)] = _news.GetValueOrDefault((leader, from)) + 1;
}
