using KvStore.Raft;
using KvStore.Simulation.Members;

namespace KvStore.Simulation.Rules.Cores;

/// <summary>Checks, in one life of a member, what its core makes of each message: between two steps nothing else happens.</summary>
internal sealed class CoreWatch(SimulatedMember member) : IConsensusObserver
{
    private readonly CampaignRule _campaigns = new(member.Number);
    private readonly VoteRule _votes = new(member.Number);
    private readonly AppendRule _appends = new(member.Number);
    private readonly ProgressRule _progress = new(member.Number);
    private readonly StorageRule _storage = new(member.Number);
    private readonly ConfirmationRule _reads = new(member.Number);
    private readonly SuccessorRule _successors = new(member.Number, member.Member!.Options.ElectionTicks);
    private CoreState _before;

    public void Stepping(Consensus core, Message message)
    {
        _before = CoreState.Of(core);
        if (message.Type == MessageType.AppResp)
            _progress.Refusing(core, message);
    }

    public void Stepped(Consensus core, Message message)
    {
        if (message.Term != 0 && message.Term < _before.Hard.Term)
            OlderTermRule.Stepped(member.Number, core, _before, message);
        else
            SteppedInTerm(core, message);
        _campaigns.Changed(core);
    }

    public void Ticked(Consensus core)
    {
        _votes.Ticked(core);
        _successors.Ticked(core);
        _campaigns.Changed(core);
    }

    /// <summary>A message is on its way to the network.</summary>
    public void Sent(Message message)
    {
        if (message.Type == MessageType.Heartbeat)
            _reads.Asked(message);
    }

    private void SteppedInTerm(Consensus core, Message message)
    {
        switch (message.Type)
        {
            case MessageType.PreVote or MessageType.Vote:
                _votes.Asked(core, _before, message);
                break;
            case MessageType.App:
                _votes.Hears();
                _appends.Appended(core, _before, message);
                break;
            case MessageType.Heartbeat:
                _votes.Hears();
                _appends.Heard(core, _before, message);
                break;
            case MessageType.Snap:
                _votes.Hears();
                break;
            case MessageType.AppResp:
                _progress.Refused(core, message);
                _progress.Committed(core, _before);
                break;
            case MessageType.StorageAppendResp:
                _storage.Written(core, message);
                break;
            case MessageType.ReadIndex:
                _reads.Read(core, message);
                _reads.CheckAnswers(core, _before);
                break;
            case MessageType.HeartbeatResp:
                _reads.Confirmed(core, message);
                _reads.CheckAnswers(core, _before);
                break;
            case MessageType.TransferLeader:
                _successors.Asked(core);
                break;
        }
    }
}
