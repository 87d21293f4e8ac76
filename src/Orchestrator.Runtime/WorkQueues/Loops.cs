using System.Runtime.ExceptionServices;

namespace Orchestrator.Runtime.WorkQueues;

/// <summary>Loops that live and die together.</summary>
internal static class Loops
{
    /// <summary>Runs them side by side until all have ended. Where one fails, the others are cancelled, and its fault is thrown
    /// once they are done; being cancelled is no fault.</summary>
    public static async Task RunTogetherAsync(
        IEnumerable<Func<CancellationToken, Task>> loops, CancellationToken cancellation)
    {
        using var together = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        ExceptionDispatchInfo? fault = null;
        await Task.WhenAll(loops.Select(RunAsync).ToList());
        fault?.Throw();

        async Task RunAsync(Func<CancellationToken, Task> loop)
        {
            try
            {
                await loop(together.Token);
            }
            catch (OperationCanceledException) when (together.IsCancellationRequested)
            {
                // As it was told.
            }
            catch (Exception first)
            {
                Interlocked.CompareExchange(ref fault, ExceptionDispatchInfo.Capture(first), null);
                together.Cancel();
            }
        }
    }
}
