using System.Diagnostics;

namespace KvStore.Simulation.Tests;

public class ProgramTests
{
    [Fact]
    public void The_same_seeds_give_the_same_trace_in_another_process()
    {
        string first = TraceOf("--seeds", "11..14");
        string second = TraceOf("--seeds", "11..14");

        Assert.Matches("^trace [0-9a-f]{16}$", first);
        Assert.Equal(first, second);
    }

    [Fact]
    public void The_trace_does_not_depend_on_who_runs_it() =>
        Assert.Equal($"trace {(new SimulationResult() + Simulation.Run(SimulationPlan.Of(12))).TraceHash:x16}", TraceOf("--seed", "12"));

    private static string TraceOf(params string[] arguments)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "KvStore.Simulation.dll");
        using var process = Process.Start(new ProcessStartInfo("dotnet", [program, .. arguments]) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd().TrimEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, output);
        return output[(output.LastIndexOf(';') + 2)..];
    }
}
