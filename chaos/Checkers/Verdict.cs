using KvStore.Chaos.Checkers.Audits;

namespace KvStore.Chaos.Checkers;

/// <summary>What all checkers found in a run.</summary>
public sealed record Verdict
{
    public required bool IsTorn { get; init; }

    public required bool IsComplete { get; init; }

    public required IReadOnlyList<CheckResult> Results { get; init; }

    public required IReadOnlyList<Floor> Floors { get; init; }

    /// <summary>The earliest one in the run: what comes after may follow from it.</summary>
    public Violation? FirstViolation => Results.SelectMany(result => result.Violations).MinBy(violation => violation.At);

    public long ViolationCount => Results.Sum(result => result.ViolationCount);

    public bool IsPassed => IsComplete && Results.All(result => result.IsPassed) && Floors.All(floor => floor.IsMet);

    /// <summary>One word for scripts: what stands first is the worst.</summary>
    public string Word => ViolationCount > 0 ? "violated"
        : Results.Any(result => result.Undecided.Count > 0) ? "undecided"
        : !IsComplete ? "incomplete"
        : Floors.Any(floor => !floor.IsMet) ? "below its floors" : "passed";
}
