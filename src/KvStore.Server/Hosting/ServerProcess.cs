using KvStore.Raft;
using KvStore.Server.Configuration;
using KvStore.Server.Logging;
using KvStore.Server.Members;
using KvStore.Storage.Wal;

namespace KvStore.Server.Hosting;

/// <summary>Runs one member from its start to the signal that ends it.</summary>
internal static class ServerProcess
{
    private const int Success = 0;
    private const int Failure = 1;

    private static int _isDying;

    public static async Task<int> RunAsync(ServerOptions options, CancellationToken stopping)
    {
        try
        {
            await using var server = await MemberServer.StartAsync(options, Die, stopping);
            var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var cancellation = stopping.Register(() => stopped.TrySetResult());
            var end = await Task.WhenAny(stopped.Task, server.Removed, server.DirectoryIsLost);
            if (end == server.DirectoryIsLost)
                Log.Fatal("the member stops", ("error", await server.DirectoryIsLost),
                    ("advice", $"give the data directory back to {options.DataDirectory}, or remove the member and add it anew"));
            if (end == server.Removed)
                Log.Warn("server error", ("error", "the member has been permanently removed from the cluster"), ("reason", await server.Removed),
                    ("advice", $"data-dir used by this member must be removed: {options.DataDirectory}"));
            Log.Info("closing member", ("name", options.Name), ("data-dir", options.DataDirectory));
            await server.StopAsync();
            Log.Info("closed member", ("name", options.Name), ("data-dir", options.DataDirectory));
            return end == server.DirectoryIsLost ? Failure : Success;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return Success; // Told to stop while it was starting.
        }
        catch (Exception problem) when (problem is DataDirectoryException or ConfigurationException or InvalidDataException
            or IOException or UnauthorizedAccessException)
        {
            Log.Fatal("cannot start", ("error", problem.Message));
            return Failure;
        }
    }

    /// <summary>A loop failed: what the member holds in memory may be wrong, so nothing more is acknowledged.</summary>
    /// <remarks>What one fault brings about in other loops explains nothing: the first has the word.</remarks>
    private static void Die(string loop, Exception fault)
    {
        if (Interlocked.Exchange(ref _isDying, 1) != 0)
            return;
        string advice = fault switch
        {
            WalException or IOException => "the disk failed: check it, then start the member again; what it acknowledged is in its log",
            LogLostException => "the data directory has lost what this member acknowledged, or is an old copy: give the directory back, or"
                + " remove the member and add it anew",
            _ => "this is a bug: please report it with this line; the member can be started again",
        };
        Log.Fatal("the member stops", ("loop", loop), ("error", fault.Message), ("advice", advice), ("stack", fault.ToString()));
        Environment.Exit(Failure);
    }
}
