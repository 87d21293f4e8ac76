using System.Text.Json;
using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Runs;

/// <summary>The first process of a run's own namespaces: runs the session, and ends it when the supervisor's pipe ends.</summary>
internal static class RunnerProcess
{
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(60);

    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string requestFile)
    {
        var request = JsonSerializer.Deserialize<RunRequest>(await File.ReadAllTextAsync(requestFile))
            ?? throw new RigException($"{requestFile} is empty");
        using var interrupted = new CancellationTokenSource();
        var supervisor = new Thread(() => WaitForSupervisor(interrupted)) { IsBackground = true };
        supervisor.Start();
        try
        {
            await new RunSession(request, interrupted.Token).RunAsync();
            return ExitCodes.Passed;
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            // The supervisor may be gone, and with it who clears away behind this process.
            await Console.Error.WriteLineAsync("chaos: interrupted");
            ClearAway(request);
            return ExitCodes.Interrupted;
        }
        catch (RigException problem)
        {
            await Console.Error.WriteLineAsync($"chaos: the rig failed: {problem.Message}");
            return ExitCodes.RigFailed;
        }
        catch (Exception problem)
        {
            await Console.Error.WriteLineAsync($"chaos: the rig failed: {problem}");
            return ExitCodes.RigFailed;
        }
    }

    private static void WaitForSupervisor(CancellationTokenSource interrupted)
    {
        var input = Console.OpenStandardInput();
        while (input.ReadByte() >= 0)
        {
            // Nobody sends anything: the end is the message.
        }
        interrupted.Cancel();
        // Whatever hangs: with this process all others of the run end.
        using var limit = new Timer(_ => Environment.FailFast("the run did not end in time"), null, EndLimit, Timeout.InfiniteTimeSpan);
        Thread.Sleep(EndLimit * 2);
    }

    private static void ClearAway(RunRequest request)
    {
        Directory.Delete(request.WorkFolder, recursive: true);
        new RunLedger(request.LedgerFile).Close();
    }
}
