using System.Diagnostics;
using System.Text;

namespace KvStore.Testing.Scripting;

/// <summary>Runs a script's commands with bash, one after the other, and says where one does not come out as written.</summary>
/// <param name="network">The network namespace that the commands are to run in, by its path; null for that of the tests.</param>
internal sealed class ScriptRunner(IReadOnlyDictionary<string, string> environment, string directory, string? network = null)
{
    /// <summary>How long an awaited command may take to come out right, on a busy machine.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <summary>Longer than any command takes by itself.</summary>
    private static readonly TimeSpan CommandLimit = TimeSpan.FromSeconds(150);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    /// <summary>Commands that came out as written.</summary>
    public int Passed { get; private set; }

    /// <returns>The failures, each with command, what was expected and what came.</returns>
    public async Task<IReadOnlyList<string>> RunAsync(CommandScript script)
    {
        var failures = new List<string>();
        foreach (var step in script.Steps)
        {
            string? failure = await RunAsync(step);
            if (failure is null)
                Passed++;
            else
                failures.Add($"{script.Name}:{step.Line}: {failure}");
        }
        return failures;
    }

    private async Task<string?> RunAsync(ScriptStep step)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            (int exitCode, string output) = await ExecuteAsync(step);
            string? mismatch = step.Mismatch(exitCode, output);
            if (mismatch is null)
                return null;
            if (!step.IsAwaited || watch.Elapsed > Patience)
                return Describe(step, mismatch, output);
            await Task.Delay(Pause);
        }
    }

    private static string Describe(ScriptStep step, string mismatch, string output) => new StringBuilder()
        .Append(mismatch).Append("\n$ ").Append(step.Command).Append("\n--- expected\n").AppendJoin('\n', step.Expected)
        .Append("\n--- printed\n").Append(output.TrimEnd()).ToString();

    private async Task<(int ExitCode, string Output)> ExecuteAsync(ScriptStep step)
    {
        using var process = new Process();
        string[] bash = ["bash", "-c", "exec 2>&1\n" + step.Command];
        string[] line = network is null ? bash : ["nsenter", "--net=" + network, .. bash];
        process.StartInfo = new ProcessStartInfo(line[0], line[1..])
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        foreach ((string name, string value) in environment)
            process.StartInfo.Environment[name] = value;
        process.Start();
        var output = process.StandardOutput.ReadToEndAsync();
        try
        {
            await process.StandardInput.WriteAsync(step.Input.ToString());
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading.
        }
        using var limit = new CancellationTokenSource(CommandLimit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            return (-1, await output + $"\n(ended after {CommandLimit.TotalSeconds:0} s)");
        }
        return (process.ExitCode, await output);
    }
}
