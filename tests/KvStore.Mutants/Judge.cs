using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace KvStore.Mutants;

/// <summary>Runs a program on seeds or scenarios and reads what it says.</summary>
internal static partial class Judge
{
    /// <summary>A run that takes so long beyond its limit hangs.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(20);

    /// <summary>Runs seeds until one fails, or the CPU time is used up.</summary>
    public static Verdict Simulate(string program, string seeds, TimeSpan limit)
    {
        var (exitCode, output, cpu) = Run([program, "--seeds", seeds, "--stop-at-failure", "--cpu-seconds", $"{limit.TotalSeconds:F0}"], limit);
        if (SecondsOf().Match(output) is { Success: true } seconds)
            cpu = TimeSpan.FromSeconds(double.Parse(seconds.Groups[1].Value, CultureInfo.InvariantCulture));
        string ran = RanOf().Match(output).Groups[1].Value;
        var failure = FailureOf().Match(output);
        return exitCode switch
        {
            0 => new Verdict(null, null, "", $"{ran} seeds passed", cpu),
            1 when failure.Success => new Verdict(int.Parse(failure.Groups[1].Value, CultureInfo.InvariantCulture), null, CheckerOf().Match(output).Groups[1].Value, failure.Groups[2].Value.Trim(), cpu),
            _ => throw new JudgeException($"the simulation ended with {exitCode?.ToString() ?? "a hang"}:{Environment.NewLine}{output}"),
        };
    }

    /// <summary>Runs the core's own scenarios.</summary>
    public static Verdict Replay(string program)
    {
        var (exitCode, output, cpu) = Run([program, "--ignore-log-lines"], TimeSpan.FromMinutes(1));
        var file = ScenarioOf().Match(output);
        // A broken invariant ends the program in the middle of a file.
        return exitCode == 0
            ? new Verdict(null, null, "", "all scenarios passed", cpu)
            : new Verdict(null, file.Success ? file.Groups[1].Value : "a scenario", "scenario", "", cpu);
    }

    private static (int? ExitCode, string Output, TimeSpan Cpu) Run(string[] arguments, TimeSpan limit)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        // Most runs are short: compiling everything once and well costs half of what warming up does.
        start.Environment["DOTNET_TieredCompilation"] = "0";
        using var process = Process.Start(start)!;
        var output = new StringBuilder();
        process.OutputDataReceived += (_, line) => Add(line.Data);
        process.ErrorDataReceived += (_, line) => Add(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var cpu = TimeSpan.Zero;
        while (!process.WaitForExit(500))
        {
            cpu = TimeOf(process) ?? cpu;
            if (cpu <= limit + Grace)
                continue;
            process.Kill();
            process.WaitForExit();
            return (null, output.ToString(), cpu);
        }
        process.WaitForExit();
        return (process.ExitCode, output.ToString(), cpu);

        void Add(string? line)
        {
            lock (output)
                output.AppendLine(line);
        }
    }

    /// <returns>Null when it has ended just now.</returns>
    private static TimeSpan? TimeOf(Process process)
    {
        try
        {
            return process.TotalProcessorTime;
        }
        catch (Exception gone) when (gone is InvalidOperationException or Win32Exception)
        {
            return null;
        }
    }

    [GeneratedRegex(@"^seed (\d+) after .*? events at \S+: (.*)$", RegexOptions.Multiline)]
    private static partial Regex FailureOf();

    [GeneratedRegex(@"^found by: (.*)$", RegexOptions.Multiline)]
    private static partial Regex CheckerOf();

    [GeneratedRegex(@"([\d.]+) s of CPU")]
    private static partial Regex SecondsOf();

    [GeneratedRegex(@"^(\d+) seeds \(", RegexOptions.Multiline)]
    private static partial Regex RanOf();

    [GeneratedRegex(@"scenarios/(\S+\.txt)")]
    private static partial Regex ScenarioOf();
}

/// <summary>What became of a run.</summary>
/// <param name="Seed">The seed that failed; null when none did.</param>
/// <param name="Scenario">The scenario that failed, or null.</param>
/// <param name="Checker">Who noticed.</param>
/// <param name="Text">What it said.</param>
internal sealed record Verdict(int? Seed, string? Scenario, string Checker, string Text, TimeSpan Cpu)
{
    public bool IsFound => Seed is not null || Scenario is not null;
}

/// <summary>A program said nothing that can be judged.</summary>
internal sealed class JudgeException(string message) : Exception(message);
