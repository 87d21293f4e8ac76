namespace KvStore.Raft.Scenarios;

/// <summary>One step of a scenario: a command with arguments, lines of input, and what must come out.</summary>
public sealed record Directive(int Line, string Command, IReadOnlyList<Argument> Arguments, string Input, string Expected)
{
    /// <summary>The line in the file where the expected lines begin, and how many there are; for rewriting.</summary>
    public int ExpectedStart { get; init; }

    public int ExpectedCount { get; init; }

    /// <summary>The arguments without values: mostly node ids.</summary>
    public IReadOnlyList<ulong> Numbers =>
        [.. Arguments.Where(argument => argument.IsBare).Select(argument => argument.KeyAsNumber)];

    public NodeId FirstNode => Arguments.Count > 0
        ? new NodeId(Arguments[0].KeyAsNumber)
        : throw new ScenarioException($"{Command} needs a node");

    public Argument? Find(string key) => Arguments.FirstOrDefault(argument => argument.Key == key);

    public string Require(string key) => Find(key)?.Value ?? throw new ScenarioException($"{Command} needs {key}=...");
}
