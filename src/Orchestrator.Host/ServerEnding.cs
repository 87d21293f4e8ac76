using System.Diagnostics;
using System.Runtime.InteropServices;
using Orchestrator.Host.Profiles;

namespace Orchestrator.Host;

/// <summary>Ends the process that serves a profile: politely, and when that does not help, at once. The store survives both.</summary>
internal static partial class ServerEnding
{
    private const int Terminate = 15;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(20);

    /// <returns>Whether it was running.</returns>
    /// <exception cref="CommandException">It cannot be ended by this user.</exception>
    public static async Task<bool> EndAsync(Profile profile, CancellationToken cancellation)
    {
        if (ProfileLock.Holder(profile) is not { } id)
            return false;
        if (Kill(id, Terminate) != 0)
            throw new CommandException($"process {id} serves \"{profile.Name}\" and cannot be ended: {Marshal.GetLastPInvokeErrorMessage()}");
        var watch = Stopwatch.StartNew();
        while (ProfileLock.Holder(profile) == id)
        {
            if (watch.Elapsed > Patience)
            {
                await Console.Error.WriteLineAsync($"orchestrator: process {id} did not end within {Patience.TotalSeconds:0} s, so it is killed");
                using var process = Process.GetProcessById(id);
                process.Kill();
                await process.WaitForExitAsync(cancellation);
                break;
            }
            await Task.Delay(PollInterval, cancellation);
        }
        return true;
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
