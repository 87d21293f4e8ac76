namespace KvStore.Raft;

/// <summary>Sees what the core is before and after each message and tick: so that rules can be checked where they apply.</summary>
internal interface IConsensusObserver
{
    void Stepping(Consensus core, Message message);

    void Stepped(Consensus core, Message message);

    void Ticked(Consensus core);
}
