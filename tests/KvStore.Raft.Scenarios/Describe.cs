using System.Globalization;
using System.Text;

namespace KvStore.Raft.Scenarios;

/// <summary>The texts in which scenario files show a node's outputs; exactly etcd-io/raft's.</summary>
public static class Describe
{
    public static string Ready(Ready ready)
    {
        var text = new StringBuilder();
        if (ready.SoftState is { } soft)
            text.Append(Invariantly($"Lead:{soft.Leader.Value} State:State{soft.Role}\n"));
        if (ready.HardState is { IsEmpty: false } hard)
            text.Append("HardState ").Append(HardState(hard)).Append('\n');
        if (ready.ReadStates.Count > 0)
            text.Append("ReadStates [").AppendJoin(' ', ready.ReadStates.Select(ReadState)).Append("]\n");
        if (!ready.Entries.IsEmpty)
            text.Append("Entries:\n").Append(Entries(ready.Entries));
        if (ready.Snapshot is not null)
            text.Append("Snapshot ").Append(Snapshot(ready.Snapshot)).Append('\n');
        if (!ready.CommittedEntries.IsEmpty)
            text.Append("CommittedEntries:\n").Append(Entries(ready.CommittedEntries));
        if (ready.Messages.Count > 0)
            text.Append("Messages:\n");
        foreach (var message in ready.Messages)
            text.Append(Message(message)).Append('\n');
        return text.Length == 0
            ? "<empty Ready>"
            : $"Ready MustSync={(ready.MustSync ? "true" : "false")}:\n{text}";
    }

    public static string HardState(HardState state) => state.Vote == NodeId.None
        ? Invariantly($"Term:{state.Term} Commit:{state.Commit}")
        : Invariantly($"Term:{state.Term} Vote:{state.Vote.Value} Commit:{state.Commit}");

    public static string Message(Message message, string indent = "")
    {
        var text = new StringBuilder(indent);
        text.Append(Invariantly($"{Target(message.From)}->{Target(message.To)} Msg{message.Type} "));
        text.Append(Invariantly($"Term:{message.Term} Log:{message.LogTerm}/{message.Index}"));
        if (message.Reject)
            text.Append(Invariantly($" Rejected (Hint: {message.RejectHint})"));
        if (message.Commit != 0)
            text.Append(Invariantly($" Commit:{message.Commit}"));
        if (message.Vote != NodeId.None)
            text.Append(Invariantly($" Vote:{message.Vote.Value}"));
        AppendEntries(text, message.Entries, indent);
        if (message.Snapshot is { IsEmpty: false })
            text.Append('\n').Append(indent).Append("  Snapshot: ").Append(Snapshot(message.Snapshot));
        if (message.Responses.Count == 0)
            return text.ToString();
        text.Append(" Responses:[");
        foreach (var response in message.Responses)
            text.Append('\n').Append(Message(response, indent + "  "));
        return text.Append('\n').Append(indent).Append(']').ToString();
    }

    public static string Entries(ReadOnlyMemory<Entry> entries)
    {
        var text = new StringBuilder();
        foreach (ref readonly var entry in entries.Span)
            text.Append(Entry(entry)).Append('\n');
        return text.ToString();
    }

    public static string Entry(in Entry entry)
    {
        string content = entry.Type == EntryType.Normal ? Quote(entry.Data.Span) : ConfChanges(entry);
        string separator = content.Length == 0 ? "" : " ";
        return Invariantly($"{entry.Term}/{entry.Index} Entry{entry.Type}{separator}{content}");
    }

    public static string Snapshot(Snapshot snapshot)
    {
        var metadata = snapshot.Metadata;
        return Invariantly($"Index:{metadata.Index} Term:{metadata.Term} ConfState:{ConfState(metadata.ConfState)}");
    }

    public static string ConfState(ConfState state) =>
        $"Voters:{Ids(state.Voters)} VotersOutgoing:{Ids(state.VotersOutgoing)} Learners:{Ids(state.Learners)} "
        + $"LearnersNext:{Ids(state.LearnersNext)} AutoLeave:{(state.AutoLeave ? "true" : "false")}";

    public static string Config(ClusterConfig config)
    {
        var text = new StringBuilder("voters=").Append(Set(config.Voters.Incoming.Voters));
        if (config.IsJoint)
            text.Append("&&").Append(Set(config.Voters.Outgoing.Voters));
        if (!config.Learners.IsEmpty)
            text.Append(" learners=").Append(Set(config.Learners));
        if (!config.LearnersNext.IsEmpty)
            text.Append(" learners_next=").Append(Set(config.LearnersNext));
        if (config.AutoLeave)
            text.Append(" autoleave");
        return text.ToString();
    }

    public static string Progress(IEnumerable<Progress> members)
    {
        var text = new StringBuilder();
        foreach (var member in members)
            text.Append(Invariantly($"{member.Id.Value}: {Progress(member)}\n"));
        return text.ToString();
    }

    public static string Progress(Progress member)
    {
        var text = new StringBuilder(Invariantly($"State{member.State} match={member.Match} next={member.Next}"));
        if (member.IsLearner)
            text.Append(" learner");
        if (member.IsPaused)
            text.Append(" paused");
        if (member.PendingSnapshot > 0)
            text.Append(Invariantly($" pendingSnap={member.PendingSnapshot}"));
        if (!member.IsRecentlyActive)
            text.Append(" inactive");
        if (member.InflightCount > 0)
            text.Append(Invariantly($" inflight={member.InflightCount}")).Append(member.IsInflightFull ? "[full]" : "");
        return text.ToString();
    }

    private static void AppendEntries(StringBuilder text, ReadOnlyMemory<Entry> entries, string indent)
    {
        if (entries.Length == 1)
            text.Append(" Entries:[").Append(Entry(entries.Span[0])).Append(']');
        if (entries.Length <= 1)
            return;
        text.Append(" Entries:[");
        foreach (ref readonly var entry in entries.Span)
            text.Append('\n').Append(indent).Append("  ").Append(Entry(entry));
        text.Append('\n').Append(indent).Append(']');
    }

    private static string ReadState(ReadState state) => Invariantly($"{{{state.Index} {Quote(state.Context.Span)}}}");

    private static string ConfChanges(in Entry entry)
    {
        if (ConfChangeV2.FromEntry(entry) is not { } change)
            return "<malformed>";
        return string.Join(' ', change.Changes.Select(step => Invariantly($"{Letter(step.Type)}{step.NodeId.Value}")));
    }

    private static char Letter(ConfChangeType type) => type switch
    {
        ConfChangeType.AddNode => 'v',
        ConfChangeType.AddLearnerNode => 'l',
        ConfChangeType.RemoveNode => 'r',
        _ => 'u',
    };

    private static string Target(NodeId id)
    {
        if (id == NodeId.None)
            return "None";
        if (id == NodeId.LocalAppendThread)
            return "AppendThread";
        return id == NodeId.LocalApplyThread ? "ApplyThread" : id.ToString();
    }

    private static string Ids(IReadOnlyList<NodeId> ids) => $"[{string.Join(' ', ids.Select(id => id.Value))}]";

    private static string Set(NodeSet set) => $"({string.Join(' ', set.ToList().Select(id => id.Value))})";

    private static string Quote(ReadOnlySpan<byte> data)
    {
        var text = new StringBuilder("\"");
        foreach (byte b in data)
        {
            text.Append(b switch
            {
                (byte)'"' => "\\\"",
                (byte)'\\' => @"\\",
                < 0x20 or > 0x7e => Invariantly($"\\x{b:x2}"),
                _ => ((char)b).ToString(),
            });
        }
        return text.Append('"').ToString();
    }

    private static string Invariantly(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
