using System.Security.Cryptography;
using KvStore.Client;
using KvStore.Server.Configuration;
using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Host.Commands;
using Orchestrator.Host.Logging;
using Orchestrator.Host.Profiles;
using Orchestrator.Runtime.Security.Certificates;

namespace Orchestrator.Host.Serving;

/// <summary>Runs a control plane from its start to the signal that ends it.</summary>
internal static class ServerProcess
{
    /// <exception cref="CommandException">It cannot start.</exception>
    public static async Task<int> RunAsync(ServerSettings settings, Profile profile, CancellationToken stopping)
    {
        using var running = TakeLock(settings, profile);
        using var logs = new LoggerFactory([new PartLogs(settings.LogDirectory, LogLevel.Information, TimeProvider.System)]);
        var log = logs.CreateLogger("Orchestrator.Host.Server");
        var fault = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            await using var plane = await ControlPlane.StartAsync(settings, logs, reason => fault.TrySetResult(reason), stopping);
            log.LogInformation("serving {Address}; the admin's kubeconfig is {Kubeconfig}", plane.Address, plane.AdminKubeconfig);
            if (settings.LogDirectory is null)
                Console.WriteLine($"Ready at {plane.Address}. Try: kubectl --kubeconfig {plane.AdminKubeconfig} get nodes");
            var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var cancellation = stopping.Register(() => stopped.TrySetResult());
            if (await Task.WhenAny(stopped.Task, fault.Task) == fault.Task)
            {
                // What the store holds in memory may be wrong: nothing more may be acknowledged.
                CommonOptions.Complain(await fault.Task);
                Environment.Exit(CommandException.Failure);
            }
            log.LogInformation("stopping");
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return 0; // Told to stop while it was starting.
        }
        catch (Exception problem) when (settings.StoreEndpoints.Count > 0 && problem is (EtcdException or UnknownOutcomeException))
        {
            throw new CommandException($"the store can not be used: {problem.Message.ReplaceLineEndings(" ")}");
        }
        catch (Exception problem) when (problem is ConfigurationException or InvalidDataException or IOException or UnauthorizedAccessException
            or CryptographicException or ApiException or EtcdException or UnknownOutcomeException)
        {
            throw new CommandException(problem.Message);
        }
        log.LogInformation("stopped");
        return 0;
    }

    /// <summary>A data directory has one process; for a profile's own it is the one that start, status and stop look for.</summary>
    private static IDisposable TakeLock(ServerSettings settings, Profile profile)
    {
        if (settings.DataDirectory == profile.Directory)
            profile.CreateDirectories();
        else
            SecretFiles.MakeDirectory(settings.DataDirectory);
        return ProfileLock.TryTake(settings.DataDirectory)
            ?? throw new CommandException($"another process serves {settings.DataDirectory}: stop it, or give --data-dir another directory");
    }
}
