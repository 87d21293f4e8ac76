using KvStore.Chaos.Checkers;
using KvStore.Chaos.History;
using KvStore.Chaos.Report;
using KvStore.Chaos.Rig;
using KvStore.Chaos.Runs;

namespace KvStore.Chaos.Commands;

/// <summary>What is said at the end of a run: by the checkers, and by the rig that saw it.</summary>
internal static class RunVerdict
{
    /// <returns>The exit code.</returns>
    public static int Judge(string folder)
    {
        var run = new RunFolder(folder);
        var verdict = CheckCommand.Judge(run, Console.Out, out var history);
        ReportFile.Write(run.ReportFile, history, run.ReadDescription(), verdict);
        var summary = RunSession.ReadSummary(folder) with { Verdict = verdict.Word, ViolationCount = verdict.ViolationCount };
        RunSession.WriteSummary(folder, summary);
        foreach (string violation in summary.Violations)
            Console.WriteLine($"seen by the rig: {violation}");
        // The line that scripts and people look for comes last.
        var (code, end) = End(summary, verdict);
        Console.WriteLine($"{summary.Figures}: {end}{(code == ExitCodes.Passed ? "" : $" ({folder})")}");
        return code;
    }

    private static (int Code, string End) End(RunSummary summary, Verdict verdict)
    {
        if (verdict.FirstViolation is { } first)
            return (ExitCodes.Violation, $"VIOLATION: {first.Kind}: {first.Sentence}");
        if (summary.Violations.Count > 0)
            return (ExitCodes.Violation, $"VIOLATION: {summary.Violations[0]}");
        if (verdict.Results.FirstOrDefault(result => result.Undecided.Count > 0) is { } undecided)
            return (ExitCodes.Violation, $"UNDECIDED: {undecided.Undecided[0]}");
        if (verdict.Floors.FirstOrDefault(floor => !floor.IsMet) is { } floor)
            return (ExitCodes.BelowFloors, $"INVALID: {floor.Count} {floor.Name}, {floor.Least} are the least");
        return verdict.IsPassed ? (ExitCodes.Passed, "no violation") : (ExitCodes.RigFailed, verdict.Word);
    }
}
