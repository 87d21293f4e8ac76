namespace KvStore.Chaos.Checkers;

/// <summary>Something that the store promises not to do, and did.</summary>
/// <param name="Kind">Short and of a fixed set: what is counted and compared between runs.</param>
/// <param name="Sentence">What is wrong, in full.</param>
/// <param name="At">When it could first be seen, in nanoseconds since the run began.</param>
/// <param name="Evidence">The records that show it.</param>
public sealed record Violation(string Checker, string Kind, string Sentence, long At, IReadOnlyList<Evidence> Evidence);

/// <summary>One record, by what is unique to it.</summary>
/// <param name="Operation">Its id, or -1.</param>
/// <param name="Stream">Of a watch's answer, or 0.</param>
public readonly record struct Evidence(long Operation, int Stream, long At)
{
    public static Evidence Of(History.Operation operation) => new(operation.Id, 0, operation.ReturnedAt);

    public static Evidence Of(History.WatchReceived received) => new(-1, received.Stream, received.At);
}
