using Microsoft.Extensions.Logging;
using Orchestrator.Runtime.Client;

namespace Orchestrator.Runtime.LeaderElection;

/// <summary>Work that goes on wherever this process leads.</summary>
internal static class Leading
{
    /// <summary>Waits for the lead, works, and waits again when it is lost; until cancelled.</summary>
    /// <param name="election">Null: there is nobody else, and the end of the work is that of all.</param>
    public static async Task RunAsync(
        ApiClient client, LeaderElectorOptions? election, Func<CancellationToken, Task> work, CancellationToken cancellation)
    {
        if (election is null)
        {
            await work(cancellation);
            return;
        }
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await new LeaderElector(client, election).RunAsync(work, cancellation);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault) when (!cancellation.IsCancellationRequested)
            {
                // One term's end must not be the last.
                election.Log.LogError(fault, "{Name} stopped", election.Name);
            }
            // Work that fails at once would otherwise be all that this process does.
            await Task.Delay(election.RetryPeriod, client.Time, cancellation)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }
}
