namespace KvStore.Raft.Scenarios;

/// <summary>What came out of a directive, beside what should have.</summary>
public sealed record DirectiveResult(Directive Directive, string Expected, string Actual)
{
    public bool Passed => Expected == Actual;
}
