using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace KvStore.Mutants;

/// <summary>Runs a cluster of real processes in a storm of faults, by <c>chaos run</c>, and reads its last line.</summary>
/// <param name="program">Of the rig.</param>
/// <param name="folder">Where each run leaves its history, and what it said in a file beside that.</param>
internal sealed partial class StormJudge(string program, string folder, int minutes)
{
    private const int Passed = 0, Violation = 1, CannotRunHere = 3, RigFailed = 4, BelowFloors = 5;

    /// <summary>To start, to wait for members that do not come back, to compare and to check.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(10);

    /// <summary>What is asked of the rig, apart from server and folder.</summary>
    public string Options(long seed, string? faults) => string.Create(
        CultureInfo.InvariantCulture, $"--seed {seed} --minutes {minutes}{(faults is null ? "" : $" --faults {faults}")}");

    /// <exception cref="JudgeException">It cannot run here, or was ended from outside.</exception>
    public Storm Run(string server, string name, long seed, string? faults)
    {
        string run = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{name}-{seed}"));
        if (Directory.Exists(run))
            Directory.Delete(run, recursive: true);
        Directory.CreateDirectory(folder);
        long begun = Stopwatch.GetTimestamp();
        var (exitCode, output) = Run([.. Options(seed, faults).Split(' '), "--server", server, "--out", run]);
        File.WriteAllText(run + ".log", output);
        var time = Stopwatch.GetElapsedTime(begun);
        return Read(exitCode, output, seed, time);
    }

    /// <summary>What a run says by its exit code and its last line.</summary>
    public static Storm Read(int? exitCode, string output, long seed, TimeSpan time)
    {
        string last = output.TrimEnd().Split('\n')[^1].Trim();
        var (word, what) = EndOf().Match(last) is { Success: true } end ? (end.Groups[1].Value, end.Groups[2].Value) : ("", last);
        return exitCode switch
        {
            Violation when word == "VIOLATION" => new Storm(seed, what, "", time),
            Passed => new Storm(seed, null, "passed", time),
            // What could not be decided is no violation; where the bug hinders the cluster, less happens than has to.
            BelowFloors => new Storm(seed, null, $"no violation, but too little: {what}", time),
            Violation or RigFailed => new Storm(seed, null, what, time),
            null => new Storm(seed, null, "hung and was ended", time),
            CannotRunHere => throw new JudgeException(last),
            _ => throw new JudgeException($"chaos ended with {exitCode}: {last}"),
        };
    }

    private (int? ExitCode, string Output) Run(string[] arguments)
    {
        var start = new ProcessStartInfo(program, ["run", .. arguments])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var output = new StringBuilder();
        process.OutputDataReceived += (_, line) => Add(line.Data);
        process.ErrorDataReceived += (_, line) => Add(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (!process.WaitForExit(TimeSpan.FromMinutes(minutes) + Grace))
        {
            // The rig notices that its supervisor is gone, and takes itself down.
            process.Kill();
            process.WaitForExit();
            return (null, output.ToString());
        }
        process.WaitForExit();
        return (process.ExitCode, output.ToString());

        void Add(string? line)
        {
            lock (output)
                output.AppendLine(line);
        }
    }

    // Behind the figures, ahead of the folder.
    [GeneratedRegex(@"(VIOLATION|UNDECIDED|INVALID): (.*?)( \(/[^()]*\))?$")]
    private static partial Regex EndOf();
}

/// <summary>What became of one storm.</summary>
/// <param name="Violation">What the rig or a checker found first; null when nobody found anything.</param>
/// <param name="Why">What was said instead.</param>
internal sealed record Storm(long Seed, string? Violation, string Why, TimeSpan Time);
