using System.CommandLine;
using System.Diagnostics;
using KvStore.Chaos.Checkers;
using KvStore.Chaos.History;

namespace KvStore.Chaos.Commands;

/// <summary><c>chaos check FOLDER</c>: judges a run's history, again if need be, by the checkers of today.</summary>
/// <remarks>Exit codes: 0 passed, 1 not passed, 2 there is no such run.</remarks>
public static class CheckCommand
{
    public const string Name = "check";

    private const int Passed = 0, NotPassed = 1, NoRun = 2;

    public static Command Create()
    {
        var folder = new Argument<string>("FOLDER") { Description = "What a run left" };
        var command = new Command(Name, "Check the history of a run") { Arguments = { folder } };
        command.SetAction(arguments => Run(new RunFolder(arguments.GetRequiredValue(folder)),
            arguments.InvocationConfiguration.Output, arguments.InvocationConfiguration.Error));
        return command;
    }

    /// <summary>Checks, writes verdict.json, and says what was found.</summary>
    public static int Run(RunFolder folder, TextWriter output, TextWriter error)
    {
        try
        {
            return Judge(folder, output, out _).IsPassed ? Passed : NotPassed;
        }
        catch (Exception problem) when (problem is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            error.WriteLine(problem.Message);
            return NoRun;
        }
    }

    internal static Verdict Judge(RunFolder folder, TextWriter output, out RunHistory history)
    {
        long begun = Stopwatch.GetTimestamp();
        var description = folder.ReadDescription();
        history = RunHistory.Load(folder);
        output.WriteLine(FormattableString.Invariant(
            $"{history.Operations.Count} operations, {history.Watches.Count} watches, {history.Faults.Count} faults read in {Stopwatch.GetElapsedTime(begun).TotalSeconds:0.00} s"));
        var verdict = AllCheckers.Check(history, description.Minutes);
        VerdictText.Write(verdict, output);
        File.WriteAllText(folder.VerdictFile, VerdictText.ToJson(verdict) + "\n");
        return verdict;
    }
}
