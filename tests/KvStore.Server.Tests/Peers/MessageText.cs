using System.Text;
using KvStore.Raft;

namespace KvStore.Server.Tests.Peers;

/// <summary>All of a message as text, since messages compare their memory by place.</summary>
internal static class MessageText
{
    public static string Of(Message message)
    {
        var text = new StringBuilder();
        text.Append($"{message.Type} {message.From}->{message.To} t{message.Term} lt{message.LogTerm} i{message.Index} c{message.Commit} ");
        text.Append($"v{message.Vote} h{message.RejectHint} r{message.Reject} x{Convert.ToHexString(message.Context.Span)}");
        foreach (var entry in message.Entries.Span)
            text.Append($" [{entry.Type} {entry.Term}/{entry.Index} {Convert.ToHexString(entry.Data.Span)}]");
        if (message.Snapshot is { } snapshot)
            Append(text, snapshot);
        return text.ToString();
    }

    private static void Append(StringBuilder text, Snapshot snapshot)
    {
        var members = snapshot.Metadata.ConfState;
        text.Append($" snapshot {snapshot.Metadata.Term}/{snapshot.Metadata.Index} {members.AutoLeave}");
        foreach (var ids in new[] { members.Voters, members.Learners, members.VotersOutgoing, members.LearnersNext })
            text.Append($" ({string.Join(' ', ids)})");
        text.Append(Convert.ToHexString(snapshot.Data.Span));
    }
}
