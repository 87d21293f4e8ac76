namespace KvStore.Raft.Scenarios;

/// <summary>Reads a message from the arguments of a <c>step</c> command.</summary>
/// <example><c>step 1 type=MsgAppResp from=2 term=1 index=14 reject=true hint=12 log-term=1</c></example>
internal static class InjectedMessage
{
    public static Message Read(Directive directive, NodeId to) => new()
    {
        Type = TypeOf(directive.Require("type")),
        From = new NodeId(Number(directive, "from")),
        To = to,
        Term = Number(directive, "term"),
        Index = Number(directive, "index"),
        LogTerm = Number(directive, "log-term"),
        Commit = Number(directive, "commit"),
        Reject = directive.Find("reject")?.Flag ?? false,
        RejectHint = Number(directive, "hint"),
        Entries = Entries(directive),
    };

    public static MessageType TypeOf(string name) => name.StartsWith("Msg") && Enum.TryParse(name[3..], out MessageType type)
        ? type
        : throw new ScenarioException($"unknown message type {name}");

    // entries=(1/12,2/13): empty ones, with these terms and indexes.
    private static Entry[] Entries(Directive directive) => [.. (directive.Find("entries")?.Values ?? []).Select(ReadEntry)];

    private static Entry ReadEntry(string text)
    {
        string[] id = text.Split('/');
        return new Entry(Argument.Number(id[0]), Argument.Number(id[1]), EntryType.Normal, default);
    }

    private static ulong Number(Directive directive, string key) =>
        directive.Find(key) is { } argument ? Argument.Number(argument.Value) : 0;
}
