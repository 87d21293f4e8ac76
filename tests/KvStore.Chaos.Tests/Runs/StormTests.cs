using System.Diagnostics;
using System.Globalization;
using KvStore.Testing;

namespace KvStore.Chaos.Tests.Runs;

/// <summary>Real processes through a real storm, as <c>chaos run</c> has it; on a machine that cannot do that, it says why and fails.</summary>
public sealed class StormTests
{
    /// <summary>Of a storm; beside it come the start, the end's quiet, the audit and the check.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromMinutes(5);

    [Fact]
    public async Task A_cluster_keeps_its_promises_through_a_storm()
    {
        int seconds = Lanes.Pick(fast: 30, readme: 180, @long: 1200);
        string folder = Directory.CreateTempSubdirectory("chaos-storm-").FullName;
        string minutes = (seconds / 60.0).ToString(CultureInfo.InvariantCulture);
        var start = new ProcessStartInfo(
            Path.Combine(AppContext.BaseDirectory, "chaos"),
            ["run", "--seed", "1", "--minutes", minutes, "--out", Path.Combine(folder, "run")])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };

        using var run = Process.Start(start) ?? throw new InvalidOperationException("chaos did not start");
        try
        {
            var output = run.StandardOutput.ReadToEndAsync();
            var error = run.StandardError.ReadToEndAsync();
            await run.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(seconds) + Rest);

            string said = await output + await error;
            Assert.True(run.ExitCode == 0, $"exit code {run.ExitCode}, see {folder}:\n{said}");
            Figures.Report($"storm of {seconds} s: {said.TrimEnd().Split('\n')[^1]}");
            Directory.Delete(folder, recursive: true);
        }
        finally
        {
            if (!run.HasExited)
                run.Kill();
        }
    }
}
