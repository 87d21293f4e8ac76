namespace KvStore.Raft.Scenarios;

/// <summary>Membership changes as scenario files write them: <c>v1 l2 r3 u4</c>.</summary>
internal static class ConfChangeInput
{
    public static IReadOnlyList<ConfChangeSingle> Parse(string input) =>
        [.. input.Split(' ', '\n').Where(word => word.Length > 0).Select(ParseStep)];

    private static ConfChangeSingle ParseStep(string word)
    {
        var type = word[0] switch
        {
            'v' => ConfChangeType.AddNode,
            'l' => ConfChangeType.AddLearnerNode,
            'r' => ConfChangeType.RemoveNode,
            'u' => ConfChangeType.UpdateNode,
            _ => throw new ScenarioException($"unknown input: {word}"),
        };
        return new ConfChangeSingle(type, new NodeId(Argument.Number(word[1..])));
    }
}
