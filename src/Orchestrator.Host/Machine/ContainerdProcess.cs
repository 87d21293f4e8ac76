using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using KvStore.Grpc;
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

    /// <summary>Of its log, in a line of ours.</summary>
    private const int LongestWords = 1000;

    /// <summary>Of its log, when it is looked for a reason: a few hundred lines.</summary>
    private const int LongestStory = 256 << 10;

    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    private readonly NodePlace _place;
    private readonly string _cniPlugins;
    private readonly string _logFile;
    private readonly bool _isInNamespace;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stopping = new();
    private Task _watching = Task.CompletedTask;

    /// <summary>Before the next try; it grows while containerd does not stay.</summary>
    private TimeSpan _pause;

    /// <summary>When it answered again the last time; 0 if it has not ended yet.</summary>
    private long _cameBack;

    /// <summary>Where its log ended when it was started the last time.</summary>
    private long _storyBegins;

    /// <summary>Why it ended again as soon as it had been started once more; null if it has not.</summary>
    private volatile string? _problem;

    private ContainerdProcess(NodePlace place, bool isInNamespace, string cniPlugins, string logFile, ILogger log)
    {
        (_place, _isInNamespace, _cniPlugins, _logFile, _log) = (place, isInNamespace, cniPlugins, logFile, log);
        _storyBegins = LogLength();
    }

    /// <param name="isInNamespace">In the node's, not in the machine's own network.</param>
    /// <summary>Starts it, or finds the one that runs, and looks after it from then on. It may not answer yet.</summary>
    public static async Task<ContainerdProcess> StartAsync(NodePlace place, bool isInNamespace, string cniPlugins, string logFile, ILogger log)
    {
        var containerd = new ContainerdProcess(place, isInNamespace, cniPlugins, logFile, log);
        if (Running(place) is null)
        {
            await containerd.ConfigureAsync();
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

    /// <summary>Waits until its CRI answers. One that is slow has time for it; one that cannot has not.</summary>
    /// <exception cref="CommandException">It does not. It is ended then, so that the next start finds what has been mended.</exception>
    public async Task AwaitAsync(CriContainerRuntime runtime, CancellationToken stopping)
    {
        long began = Stopwatch.GetTimestamp();
        RuntimeStatus status;
        while (!(status = await runtime.StatusAsync(stopping)).IsRuntimeReady)
        {
            string? problem = _problem is { } ended ? $"containerd ends as soon as it is started: {ended}"
                : await IsWithoutCriAsync(runtime, stopping) ? $"containerd cannot run containers: {Reason() ?? status.Message}"
                : Stopwatch.GetElapsedTime(began) > StartPatience ? $"containerd runs, but does not answer after {StartPatience.TotalSeconds:0} s: {status.Message}"
                : null;
            if (problem is not null)
            {
                await LeaveAloneAsync();
                await EndAsync(_place);
                throw new CommandException($"{problem} (its log is {_logFile})");
            }
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
        await LeaveAloneAsync();
        _stopping.Dispose();
    }

    private async Task LeaveAloneAsync()
    {
        await _stopping.CancelAsync();
        await _watching;
    }

    /// <summary>In a session of its own, without anything of this process but its log: nsenter becomes containerd.</summary>
    private void Launch()
    {
        ShimFiles.RemoveDeadSockets(_place);
        _storyBegins = LogLength();
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
        try
        {
            while (true)
            {
                await Task.Delay(LookInterval, _stopping.Token);
                if (Running(_place) is null)
                    await BringBackAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // Nobody needs it looked after any more.
        }
    }

    /// <summary>Tries until it answers. There is one line for its end, one for each reason that keeps it from coming back, one for its return.</summary>
    /// <remarks>The process does not end for it: the cluster's API, and what runs, are of use without it.</remarks>
    private async Task BringBackAsync()
    {
        _log.LogWarning("containerd has ended and is started again; pods run on, and none is started, stopped or entered until it answers");
        long ended = Stopwatch.GetTimestamp();
        if (_cameBack != 0 && Stopwatch.GetElapsedTime(_cameBack) > StartPatience)
            _pause = TimeSpan.Zero; // It had stayed.
        string? told = null;
        while (true)
        {
            await Task.Delay(_pause, _stopping.Token);
            _pause = _pause == TimeSpan.Zero ? TimeSpan.FromSeconds(1) : _pause * 2 < LongestPause ? _pause * 2 : LongestPause;
            string? problem = await StartAnewAsync();
            if (problem is null)
                break;
            if (problem != told)
                _log.LogError("containerd cannot be started: {Problem} (its log is {LogFile}); it is tried again at least every {Pause} s", problem, _logFile, LongestPause.TotalSeconds);
            _problem = told = problem;
        }
        _problem = null;
        _cameBack = Stopwatch.GetTimestamp();
        _log.LogInformation("containerd answers again after {Seconds:0.0} s", Stopwatch.GetElapsedTime(ended, _cameBack).TotalSeconds);
    }

    /// <returns>Null when it answers, or else why it does not run.</returns>
    private async Task<string?> StartAnewAsync()
    {
        try
        {
            await ConfigureAsync(); // It may be of another version now.
            Launch();
        }
        catch (Exception fault) when (fault is CommandException or IOException or UnauthorizedAccessException or Win32Exception)
        {
            return MachineCheck.Missing() ?? fault.Message;
        }
        using var connection = new CriConnection(new CriOptions { Socket = _place.ContainerdSocket });
        var runtime = new CriContainerRuntime(connection);
        while (Running(_place) is not null)
        {
            if ((await runtime.StatusAsync(_stopping.Token)).IsRuntimeReady)
                return null;
            if (await IsWithoutCriAsync(runtime, _stopping.Token))
                await EndAsync(_place);
            else
                await Task.Delay(PollInterval, _stopping.Token);
        }
        return MachineCheck.Missing() ?? Reason() ?? "it ended without a word";
    }

    /// <summary>It serves, so it has begun all that it could, and CRI is not among it: that does not come by waiting.</summary>
    private static async Task<bool> IsWithoutCriAsync(CriContainerRuntime runtime, CancellationToken stopping)
    {
        try
        {
            await runtime.VersionAsync(stopping);
            return false;
        }
        catch (CriException fault)
        {
            return fault.Code == StatusCode.Unimplemented;
        }
    }

    private async Task ConfigureAsync()
    {
        string version = ContainerdConfiguration.VersionOf(await MachineTool.RunAsync("containerd", ["--version"]));
        foreach (string folder in (string[])[_place.CniConfigurations, _place.RegistryHosts, _place.PodFiles, _place.PodLogs])
            Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(_place.ContainerdConfiguration, ContainerdConfiguration.Text(_place, version, _cniPlugins));
    }

    /// <summary>What keeps it from running, or else the last line that it wrote.</summary>
    private string? Reason()
    {
        try
        {
            using var log = new FileStream(_logFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            // The cause stands at the beginning; what follows from it may be long.
            log.Position = Math.Min(_storyBegins, log.Length);
            using var story = new StreamReader(log);
            char[] text = new char[LongestStory];
            string[] lines = new string(text, 0, story.ReadBlock(text)).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            return ContainerdComplaint.In(lines, _place) ?? (lines is [.., { Length: > LongestWords } last] ? last[..LongestWords] : lines.LastOrDefault());
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private long LogLength() => File.Exists(_logFile) ? new FileInfo(_logFile).Length : 0;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
