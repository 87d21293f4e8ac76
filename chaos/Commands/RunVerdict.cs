using KvStore.Chaos.Rig;
using KvStore.Chaos.Runs;

namespace KvStore.Chaos.Commands;

/// <summary>What is said at the end of a run.</summary>
internal static class RunVerdict
{
    /// <returns>The exit code.</returns>
    public static int Judge(RunRequest request)
    {
        var summary = RunSession.ReadSummary(request.OutFolder);
        foreach (string floor in summary.MissedFloors)
            Console.WriteLine($"below the floor: {floor}");
        if (summary.Violations.Count > 0)
        {
            Console.WriteLine($"{summary.Figures}: VIOLATION: {summary.Violations[0]} ({request.OutFolder})");
            return ExitCodes.Violation;
        }
        if (summary.MissedFloors.Count > 0)
        {
            Console.WriteLine($"{summary.Figures}: INVALID, too little happened ({request.OutFolder})");
            return ExitCodes.BelowFloors;
        }
        Console.WriteLine($"{summary.Figures}: no violation");
        return ExitCodes.Passed;
    }
}
