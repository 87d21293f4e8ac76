using KvStore.Grpc;
using KvStore.Server.Cluster;
using KvStore.Server.Configuration;
using KvStore.Server.Logging;
using KvStore.Server.Members;
using KvStore.Server.Members.Scheduling;
using KvStore.Storage.Disks;

namespace KvStore.Server.Hosting;

/// <summary>Runs one member from its start to SIGTERM: data directory, loops, services, listeners, and back.</summary>
internal static class ServerProcess
{
    private const int Success = 0;
    private const int Failure = 1;

    public static async Task<int> RunAsync(ServerOptions options, CancellationToken stopping)
    {
        try
        {
            await using var server = await MemberServer.StartAsync(options);
            await WaitAsync(stopping);
            Log.Info("stopping", ("reason", "signal"));
            await server.StopAsync();
            Log.Info("stopped");
            return Success;
        }
        catch (Exception problem) when (problem is DataDirectoryException or ConfigurationException or InvalidDataException or IOException)
        {
            Log.Fatal("cannot start", ("error", problem.Message));
            return Failure;
        }
    }

    private static async Task WaitAsync(CancellationToken stopping)
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var cancellation = stopping.Register(() => stopped.TrySetResult());
        await stopped.Task;
    }
}
