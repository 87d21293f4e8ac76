using System.Diagnostics;
using System.Runtime.InteropServices;

namespace KvStore.Chaos.Rig;

/// <summary>The process that a user starts: it runs the rig in namespaces of its own, outlives it and clears away behind it.</summary>
/// <remarks>
/// <code>
/// supervisor ── unshare ── runner (first of its process namespace) ─┬─ members, each in its network namespace
///     └────── pipe ─────────────┘                                   └─ traffic
/// </code>
/// When the runner dies, the kernel ends all processes of its namespace, and with them mounts, networks and loop devices go; the
/// supervisor removes the rest. When the supervisor dies, the pipe ends, and the runner ends the run and removes everything. When both
/// die, the next start does.
/// </remarks>
internal static class Supervisor
{
    /// <param name="ledger">The run's, made by this process.</param>
    /// <param name="arguments">The command of this program that is the runner, and its words.</param>
    /// <returns>The exit code of the run.</returns>
    public static async Task<int> RunAsync(RunLedger ledger, params string[] arguments)
    {
        int code = await SuperviseAsync(ledger, arguments);
        // After an orderly end there is nothing left to clear.
        await ledger.ClearAsync();
        return code;
    }

    private static async Task<int> SuperviseAsync(RunLedger ledger, string[] arguments)
    {
        string self = Environment.ProcessPath ?? throw new RigException("the path of this program is not known");
        var start = new ProcessStartInfo("unshare",
        [
            "--net", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--",
            self, .. arguments,
        ])
        {
            RedirectStandardInput = true,
        };
        using var unshare = Process.Start(start) ?? throw new RigException("unshare did not start");
        await NoteRunnerAsync(ledger, unshare);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => EndRunner(unshare, context));
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => EndRunner(unshare, context));
        await unshare.WaitForExitAsync();
        if (unshare.ExitCode is ExitCodes.Passed or ExitCodes.Interrupted or ExitCodes.RigFailed)
            return unshare.ExitCode;
        // The runner gives no other code: it was killed, and what unshare makes of that differs.
        await Console.Error.WriteLineAsync("chaos: the runner was killed; nothing is said of the store");
        return ExitCodes.RigFailed;
    }

    // The end of the pipe tells the runner to stop.
    private static void EndRunner(Process unshare, PosixSignalContext context)
    {
        context.Cancel = true;
        unshare.StandardInput.Close();
    }

    private static async Task NoteRunnerAsync(RunLedger ledger, Process unshare)
    {
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!unshare.HasExited)
        {
            if (ProcessIdentity.ChildrenOf(unshare.Id) is [var child, ..] && ProcessIdentity.Of(child) is { } runner)
            {
                ledger.AddProcess(runner);
                return;
            }
            await pace.WaitForNextTickAsync();
        }
    }
}
