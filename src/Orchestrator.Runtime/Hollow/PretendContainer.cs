using System.Globalization;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Hollow;

/// <summary>One container that only seems to run. Its fields are guarded by its runtime's lock.</summary>
internal sealed class PretendContainer(string id, string sandboxId, PodSandboxConfig pod, ContainerConfig config, DateTimeOffset createdAt)
{
    /// <summary>Lines that its process has written beyond those of its start: the newest are kept.</summary>
    private const int LineLimit = 1000;

    /// <summary>What runtimes give as the exit code of a process that never was.</summary>
    private const int StartErrorCode = 128;

    private List<LogLine>? _lines;
    private TaskCompletionSource? _changed;

    public string Id { get; } = id;
    public string SandboxId { get; } = sandboxId;
    public PodSandboxConfig Pod { get; } = pod;
    public ContainerConfig Config { get; } = config;
    public DateTimeOffset CreatedAt { get; } = createdAt;
    public HollowAnnotations Wishes { get; set; } = new(config.Annotations, config.Name);
    public RuntimeContainerState State { get; private set; } = RuntimeContainerState.Created;
    public DateTimeOffset? StartedAt { get; private set; }
    public DateTimeOffset? FinishedAt { get; private set; }
    public int ExitCode { get; private set; }

    /// <summary>Why it ended, as runtimes say it; empty until then.</summary>
    public string Reason { get; private set; } = "";

    public string Message { get; private set; } = "";
    public IDisposable? EndAlarm { get; set; }

    /// <summary>Ends what its process does.</summary>
    public CancellationTokenSource Life { get; } = new();

    public IReadOnlyDictionary<string, string> Environment { get; } =
        config.Environment.GroupBy(variable => variable.Key).ToDictionary(group => group.Key, group => group.Last().Value);

    public bool IsInit => Config.Annotations.GetValueOrDefault(CriAnnotations.ContainerKind) == CriAnnotations.InitContainer;

    /// <summary>A pod that does not want its containers back when they have ended well: they end by themselves.</summary>
    public bool EndsByItself =>
        IsInit || (Config.Annotations.GetValueOrDefault(CriAnnotations.RestartPolicy) is "Never" or "OnFailure"
            && Config.Annotations.GetValueOrDefault(CriAnnotations.ContainerKind) != CriAnnotations.Sidecar);

    public IReadOnlyList<string> Command => [.. Config.Command, .. Config.Args];

    /// <summary>Completes when something has been written or the container has ended.</summary>
    public Task Changed => (_changed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    public RuntimeContainer Describe() => new(
        Id, SandboxId, Pod.Uid, Config.Name, Config.Attempt, State, Config.Image, PretendImages.Digest(Config.Image),
        Config.Annotations.GetValueOrDefault(CriAnnotations.ContainerHash, ""), CreatedAt, StartedAt, FinishedAt, ExitCode,
        Reason, Message);

    public void Start(DateTimeOffset now)
    {
        State = RuntimeContainerState.Running;
        StartedAt = now;
        Signal();
    }

    public void End(int exitCode, string message, DateTimeOffset now)
    {
        StartedAt ??= now;
        End(exitCode, exitCode == 0 ? "Completed" : "Error", message, now);
    }

    /// <summary>Its process could not be started: it has ended without having begun.</summary>
    public void FailStart(string message, DateTimeOffset now) => End(StartErrorCode, "StartError", message, now);

    private void End(int exitCode, string reason, string message, DateTimeOffset now)
    {
        State = RuntimeContainerState.Exited;
        FinishedAt = now;
        ExitCode = exitCode;
        Reason = reason;
        Message = message;
        EndAlarm?.Dispose();
        EndAlarm = null;
        Signal();
    }

    public void Write(LogLine line)
    {
        _lines ??= [];
        if (_lines.Count == LineLimit)
            _lines.RemoveAt(0);
        _lines.Add(line);
        LineCount++;
        Signal();
    }

    /// <summary>How many lines there have ever been, those of the start not counted.</summary>
    public int LineCount { get; private set; }

    /// <summary>The lines from <paramref name="position"/> on, as far as they are kept.</summary>
    public IReadOnlyList<LogLine> LinesFrom(int position)
    {
        int kept = _lines?.Count ?? 0;
        int skipped = Math.Max(0, position - (LineCount - kept));
        return kept == 0 ? [] : _lines!.GetRange(Math.Min(skipped, kept), kept - Math.Min(skipped, kept));
    }

    /// <summary>What a server says when it starts: made when it is asked for, so that ten thousand containers cost nothing.</summary>
    public IReadOnlyList<LogLine> StartLines()
    {
        if (StartedAt is not { } at || RunsItsCommand)
            return [];
        string attempt = Config.Attempt.ToString(CultureInfo.InvariantCulture);
        return
        [
            new(at, false, $"{Config.Image}: container {Config.Name} of pod {Pod.Namespace}/{Pod.Name} starts, attempt {attempt}"),
            new(at, false, "ready"),
        ];
    }

    /// <summary>Its command is one that the echo shell knows: what it writes is all there is.</summary>
    public bool RunsItsCommand { get; set; }

    private void Signal()
    {
        _changed?.TrySetResult();
        _changed = null;
    }
}
