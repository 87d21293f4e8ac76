using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Orchestrator.Host.Profiles;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Cri.Grpc;

namespace Orchestrator.Host.Machine;

/// <summary>A containerd of the node's own: kept running while the node's process lives, found again by the next one.</summary>
/// <remarks>It is not that process's child in any way that matters: it lives on when the process ends or is killed, with all pods.</remarks>
internal sealed partial class ContainerdProcess : IAsyncDisposable
{
    private const int Terminate = 15;
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    private readonly NodePlace _place;
    private readonly string _logFile;
    private readonly bool _isInNamespace;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stopping = new();
    private Task _watching = Task.CompletedTask;

    private ContainerdProcess(NodePlace place, bool isInNamespace, string logFile, ILogger log) =>
        (_place, _isInNamespace, _logFile, _log) = (place, isInNamespace, logFile, log);

    /// <param name="isInNamespace">In the node's, not in the machine's own network.</param>
    /// <summary>Starts it, or finds the one that runs, and looks after it from then on. It may not answer yet.</summary>
    public static async Task<ContainerdProcess> StartAsync(NodePlace place, bool isInNamespace, string cniPlugins, string logFile, ILogger log)
    {
        var containerd = new ContainerdProcess(place, isInNamespace, logFile, log);
        string version = ContainerdConfiguration.VersionOf(await MachineTool.RunAsync("containerd", ["--version"]));
        foreach (string folder in (string[])[place.CniConfigurations, place.RegistryHosts, place.PodFiles, place.PodLogs])
            Directory.CreateDirectory(folder);
        if (Running(place) is null)
        {
            await File.WriteAllTextAsync(place.ContainerdConfiguration, ContainerdConfiguration.Text(place, version, cniPlugins));
            containerd.Launch();
        }
        containerd._watching = Task.Run(containerd.WatchAsync);
        return containerd;
    }

    /// <summary>The process that serves the node, or null.</summary>
    public static ProcessIdentity? Running(NodePlace place)
    {
        try
        {
            return ProcessIdentity.Parse(File.ReadAllText(place.ContainerdProcessId)) is { IsAlive: true } process ? process : null;
        }
        catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Waits until its CRI answers.</summary>
    /// <exception cref="CommandException">It does not.</exception>
    public async Task AwaitAsync(CriContainerRuntime runtime, CancellationToken stopping)
    {
        long began = Stopwatch.GetTimestamp();
        RuntimeStatus status;
        while (!(status = await runtime.StatusAsync(stopping)).IsRuntimeReady)
        {
            if (Stopwatch.GetElapsedTime(began) > StartPatience)
                throw new CommandException($"containerd does not answer ({status.Message}); it wrote to {_logFile}:\n{LastLines()}");
            await Task.Delay(PollInterval, stopping);
        }
    }

    /// <summary>Ends it, if it runs; what it runs lives on.</summary>
    public static async Task EndAsync(NodePlace place)
    {
        if (Running(place) is not { } process)
            return;
        _ = Kill(process.Id, Terminate);
        long began = Stopwatch.GetTimestamp();
        while (process.IsAlive)
        {
            if (Stopwatch.GetElapsedTime(began) > EndPatience)
            {
                using var stuck = Process.GetProcessById(process.Id);
                stuck.Kill();
                await stuck.WaitForExitAsync();
                break;
            }
            await Task.Delay(PollInterval);
        }
        File.Delete(place.ContainerdProcessId);
    }

    /// <summary>Looks after it no more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _watching;
        _stopping.Dispose();
    }

    /// <summary>In a session of its own, without anything of this process but its log: nsenter becomes containerd.</summary>
    private void Launch()
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/sh",
        [
            "-c", "exec setsid \"$@\" < /dev/null >> \"$0\" 2>&1", _logFile,
            // Not by "ip netns exec": that hides the cgroups.
            .. _isInNamespace ? (string[])["nsenter", "--net=" + _place.NamespaceFile] : [], "containerd", "--config", _place.ContainerdConfiguration, "--log-level", "warn",
        ])
        { WorkingDirectory = _place.Directory }) ?? throw new CommandException("cannot start containerd");
        if (ProcessIdentity.Find(process.Id) is { } identity)
            File.WriteAllText(_place.ContainerdProcessId, identity.ToString());
    }

    private async Task WatchAsync()
    {
        var pause = TimeSpan.Zero;
        try
        {
            while (true)
            {
                await Task.Delay(LookInterval, _stopping.Token);
                if (Running(_place) is not null)
                    continue;
                _log.LogWarning("containerd has ended; it is started again");
                await Task.Delay(pause, _stopping.Token);
                pause = pause == TimeSpan.Zero ? TimeSpan.FromSeconds(1) : pause * 2 < LongestPause ? pause * 2 : LongestPause;
                long began = Stopwatch.GetTimestamp();
                Launch();
                while (Running(_place) is not null && Stopwatch.GetElapsedTime(began) < StartPatience)
                    await Task.Delay(LookInterval, _stopping.Token);
                if (Running(_place) is not null)
                    pause = TimeSpan.Zero; // It stays.
            }
        }
        catch (OperationCanceledException)
        {
            // Nobody needs it looked after any more.
        }
    }

    private string LastLines() => File.Exists(_logFile) ? string.Join('\n', File.ReadLines(_logFile).TakeLast(5)) : "(nothing)";

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
