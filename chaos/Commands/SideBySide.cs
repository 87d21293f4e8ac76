using System.Globalization;
using KvStore.Chaos.Runs;

namespace KvStore.Chaos.Commands;

/// <summary>Two runs of the same storm on two servers, as a table.</summary>
internal static class SideBySide
{
    private static readonly (string What, Func<RunSummary, string> Value)[] Rows =
    [
        ("operations", run => Text(run.Operations)),
        ("unknown outcomes", run => Text(run.UnknownOutcomes)),
        ("effective faults", run => Text(run.EffectiveFaults)),
        ("power cuts", run => Text(run.PowerCuts)),
        ("elections", run => Text(run.Elections)),
        ("snapshots sent", run => Text(run.SnapshotsSent)),
        ("seconds without an acknowledged write", run => Text(run.UnavailableSeconds)),
        ("s to the first write after healing, mean", run => Mean(run.FirstWriteSeconds)),
        ("s to the first write after healing, worst", run => Worst(run.FirstWriteSeconds)),
        ("s until all members answer, mean", run => Mean(run.AllAnswerSeconds)),
        ("s until all members answer, worst", run => Worst(run.AllAnswerSeconds)),
        ("violations", run => Text(run.ViolationCount + run.Violations.Count)),
    ];

    public static void Print(string one, RunSummary ofOne, string other, RunSummary ofOther)
    {
        Console.WriteLine($"{"",-44}{Short(one),14}{Short(other),14}");
        foreach (var (what, value) in Rows)
            Console.WriteLine($"{what,-44}{value(ofOne),14}{value(ofOther),14}");
    }

    private static string Short(string server) => Path.GetFileName(server.Split(' ')[0]);

    private static string Text(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    private static string Mean(IReadOnlyList<double> seconds) => seconds.Count == 0 ? "-" : Text(seconds.Average());

    private static string Worst(IReadOnlyList<double> seconds) => seconds.Count == 0 ? "-" : Text(seconds.Max());

    private static string Text(double seconds) => seconds.ToString("F1", CultureInfo.InvariantCulture);
}
