using KvStore.Raft;

namespace KvStore.Simulation.Rules.Cores;

/// <summary>What comes from an older term changes nothing; its sender is told of the newer term where it would wait forever.</summary>
internal static class OlderTermRule
{
    public static void Stepped(int number, Consensus core, CoreState before, Message message)
    {
        bool isUnchanged = core.HardState == before.Hard && core.SoftState == before.Soft && core.Log.LastEntry == before.Last;
        Check.Holds(isUnchanged, $"member {number} in term {before.Hard.Term} is changed by a {message.Type} of term {message.Term}");
        var answer = before.AnswerOf(core);
        switch (message.Type)
        {
            case MessageType.App or MessageType.Heartbeat:
                bool isTold = answer is { Type: MessageType.AppResp, Reject: false } && answer.To == message.From && answer.Term == before.Hard.Term;
                Check.Holds(isTold, $"member {number} in term {before.Hard.Term} lets {message.From} lead on in term {message.Term}");
                break;
            case MessageType.PreVote:
                bool isRefused = answer is { Type: MessageType.PreVoteResp, Reject: true } && answer.To == message.From && answer.Term == before.Hard.Term;
                Check.Holds(isRefused, $"member {number} in term {before.Hard.Term} leaves {message.From} alone, which would like to start term {message.Term}");
                break;
            case MessageType.StorageAppendResp:
                // What was written may have been replaced since, by entries that are on their way to the disk.
                Check.Holds(core.Log.Unstable.Offset == before.UnstableFrom,
                    $"a write of term {message.Term} makes entries of member {number} durable in term {before.Hard.Term}");
                StorageRule.CheckSnapshot(number, core, message);
                break;
        }
    }
}
