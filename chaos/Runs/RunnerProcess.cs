using System.Runtime.InteropServices;
using System.Text.Json;
using KvStore.Chaos.Rig;
using KvStore.Testing.Linux;

namespace KvStore.Chaos.Runs;

/// <summary>The first process of a run's own namespaces: runs the session, and ends it when the supervisor's pipe ends.</summary>
internal static class RunnerProcess
{
    /// <summary>To end what is under way and to take the rig down in good order.</summary>
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(15);

    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string requestFile)
    {
        var request = JsonSerializer.Deserialize<RunRequest>(await File.ReadAllTextAsync(requestFile))
            ?? throw new RigException($"{requestFile} is empty");
        using var interrupted = new CancellationTokenSource();
        // A terminal's signals come to this process too; the supervisor decides.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);
        new Thread(() => WaitForSupervisor(interrupted)) { IsBackground = true }.Start();
        var session = RunAsync(request, interrupted.Token);
        var interruption = Task.Delay(Timeout.Infinite, interrupted.Token).ContinueWith(static _ => { }, TaskScheduler.Default);
        if (await Task.WhenAny(session, interruption) == session && !interrupted.IsCancellationRequested)
            return await session;
        await Task.WhenAny(session, Task.Delay(EndLimit));
        await Console.Error.WriteLineAsync("chaos: interrupted");
        await ClearAwayAsync(request);
        return ExitCodes.Interrupted;
    }

    private static async Task<int> RunAsync(RunRequest request, CancellationToken interrupted)
    {
        try
        {
            await new RunSession(request, interrupted).RunAsync();
            return ExitCodes.Passed;
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
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
    }

    // The supervisor may be gone, and with it who clears away behind this process. Whatever is left by now is ended by force.
    private static async Task ClearAwayAsync(RunRequest request)
    {
        NativeCalls.KillAllOthers();
        foreach (string mount in MountsUnder(request.WorkFolder))
            await Shell.TryAsync("umount", ["--lazy", mount]);
        await new RunLedger(request.LedgerFile).ClearAsync();
    }

    private static IReadOnlyList<string> MountsUnder(string folder) =>
        [.. File.ReadLines("/proc/self/mounts").Select(line => line.Split(' ')[1])
            .Where(place => place.StartsWith(folder + "/", StringComparison.Ordinal))];
}
