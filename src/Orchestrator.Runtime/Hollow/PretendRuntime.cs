using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Streams;

namespace Orchestrator.Runtime.Hollow;

/// <summary>A container runtime that runs nothing: its containers live in memory and do what annotations and commands tell.</summary>
/// <remarks>
/// A command that <see cref="EchoShell"/> knows is run by it; any other is taken for a server that runs for ever, or, in a pod
/// that does not want its containers back, for a job that ends well. Nothing here holds a thread or a timer while it waits.
/// </remarks>
internal sealed class PretendRuntime : IContainerRuntime, IProber
{
    private const int Killed = 137;

    /// <summary>Work that was stopped half-way has not ended well; a server that was told to stop has.</summary>
    private const int Terminated = 143;

    private readonly HollowOptions _options;
    private readonly Alarms _alarms;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Sandbox> _sandboxes = [];
    private readonly Dictionary<string, PretendContainer> _containers = [];
    private readonly Dictionary<string, List<Sandbox>> _byPod = [];
    private readonly string _idPrefix;
    private PodAddresses _addresses;
    private Action<ContainerEvent>? _changed;
    private long _lastId;

    public PretendRuntime(HollowOptions options, Alarms alarms, int nodeIndex)
    {
        _options = options;
        _alarms = alarms;
        _addresses = new PodAddresses(HollowOptions.FallbackCidr(nodeIndex));
        _idPrefix = nodeIndex.ToString("x8", CultureInfo.InvariantCulture);
    }

    public Task<RuntimeVersion> VersionAsync(CancellationToken ct) => Task.FromResult(new RuntimeVersion("hollow", "1.0.0"));

    public Task<RuntimeStatus> StatusAsync(CancellationToken ct) => Task.FromResult(new RuntimeStatus(true, true, ""));

    public Task UpdateRuntimeConfigAsync(string podCidr, CancellationToken ct)
    {
        lock (_gate)
            _addresses = new PodAddresses(podCidr);
        return Task.CompletedTask;
    }

    // Sandboxes

    public Task<string> RunPodSandboxAsync(PodSandboxConfig config, CancellationToken ct)
    {
        lock (_gate)
        {
            string ip = config.IsHostNetwork ? "" : _addresses.Take()
                ?? throw new CriException("failed to setup network for sandbox: no IP addresses available in range set");
            var sandbox = new Sandbox(NewId(), config, ip, _alarms.Now);
            _sandboxes[sandbox.Id] = sandbox;
            OfPod(config.Uid).Add(sandbox);
            return Task.FromResult(sandbox.Id);
        }
    }

    public Task StopPodSandboxAsync(string sandboxId, CancellationToken ct)
    {
        lock (_gate)
        {
            if (!_sandboxes.TryGetValue(sandboxId, out Sandbox? sandbox) || !sandbox.IsReady)
                return Task.CompletedTask;
            sandbox.IsReady = false;
            if (sandbox.Ip.Length > 0)
                _addresses.Return(sandbox.Ip);
            foreach (PretendContainer container in sandbox.Containers)
                End(container, Killed, "");
        }
        return Task.CompletedTask;
    }

    public Task RemovePodSandboxAsync(string sandboxId, CancellationToken ct)
    {
        lock (_gate)
        {
            if (!_sandboxes.Remove(sandboxId, out Sandbox? sandbox))
                return Task.CompletedTask;
            foreach (PretendContainer container in sandbox.Containers)
                _containers.Remove(container.Id);
            List<Sandbox> ofPod = OfPod(sandbox.Config.Uid);
            ofPod.Remove(sandbox);
            if (ofPod.Count == 0)
                _byPod.Remove(sandbox.Config.Uid);
        }
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<PodSandbox>> ListPodSandboxAsync(string? podUid, CancellationToken ct)
    {
        lock (_gate)
            return Task.FromResult<IReadOnlyList<PodSandbox>>([.. Select(podUid).Select(sandbox => sandbox.Describe())]);
    }

    // Containers

    public Task<string> CreateContainerAsync(string sandboxId, ContainerConfig config, PodSandboxConfig sandboxConfig, CancellationToken ct)
    {
        lock (_gate)
        {
            if (!_sandboxes.TryGetValue(sandboxId, out Sandbox? sandbox) || !sandbox.IsReady)
                throw new CriException($"failed to find sandbox id \"{sandboxId}\": not found");
            var container = new PretendContainer(NewId(), sandboxId, sandbox.Config, config, _alarms.Now);
            if (container.Wishes.Fail == "create")
                throw new CriException("failed to create containerd container: the pod's annotations ask for it");
            _containers[container.Id] = container;
            sandbox.Containers.Add(container);
            return Task.FromResult(container.Id);
        }
    }

    public async Task StartContainerAsync(string containerId, CancellationToken ct)
    {
        PretendContainer container = Find(containerId);
        if (container.Wishes.Fail == "start")
        {
            const string Failure = "failed to create containerd task: failed to create shim task: the pod's annotations ask for it";
            lock (_gate)
                container.FailStart(Failure, _alarms.Now);
            throw new CriException(Failure);
        }
        await _alarms.DelayAsync(container.Wishes.ReadyAfter ?? (container.IsInit ? TimeSpan.Zero : _options.StartDelay), ct);
        lock (_gate)
        {
            if (container.State != RuntimeContainerState.Created || !_containers.ContainsKey(containerId))
                throw new CriException($"container \"{containerId}\" is gone");
            Run(container);
        }
    }

    public async Task StopContainerAsync(string containerId, TimeSpan grace, CancellationToken ct)
    {
        PretendContainer? container;
        lock (_gate)
        {
            if (!_containers.TryGetValue(containerId, out container) || container.State == RuntimeContainerState.Exited)
                return;
        }
        TimeSpan wanted = container.Wishes.StopAfter ?? _options.StopDelay;
        bool obeys = wanted <= grace;
        await _alarms.DelayAsync(obeys ? wanted : grace, ct);
        lock (_gate)
            End(container, !obeys ? Killed : container.EndsByItself ? Terminated : 0, "");
    }

    public Task RemoveContainerAsync(string containerId, CancellationToken ct)
    {
        lock (_gate)
        {
            if (!_containers.Remove(containerId, out PretendContainer? container))
                return Task.CompletedTask;
            End(container, Killed, "");
            if (_sandboxes.TryGetValue(container.SandboxId, out Sandbox? sandbox))
                sandbox.Containers.Remove(container);
        }
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<RuntimeContainer>> ListContainersAsync(string? podUid, CancellationToken ct)
    {
        lock (_gate)
        {
            return Task.FromResult<IReadOnlyList<RuntimeContainer>>(
                [.. Select(podUid).SelectMany(sandbox => sandbox.Containers).Select(container => container.Describe())]);
        }
    }

    public Task UpdateContainerResourcesAsync(
        string containerId, LinuxResources? resources, IReadOnlyDictionary<string, string> annotations, CancellationToken ct)
    {
        lock (_gate)
        {
            if (!_containers.TryGetValue(containerId, out PretendContainer? container) || container.State != RuntimeContainerState.Running)
                return Task.CompletedTask;
            HollowAnnotations before = container.Wishes;
            var merged = new Dictionary<string, string>(annotations)
            {
                [CriAnnotations.ContainerKind] = container.Config.Annotations.GetValueOrDefault(CriAnnotations.ContainerKind, ""),
            };
            container.Wishes = new HollowAnnotations(merged, container.Config.Name);
            Obey(container, before, container.Wishes);
        }
        return Task.CompletedTask;
    }

    public IDisposable SubscribeContainerEvents(Action<ContainerEvent> changed)
    {
        _changed += changed;
        return new Subscription(() => _changed -= changed);
    }

    public Task<IReadOnlyList<ContainerUsage>> ListContainerStatsAsync(CancellationToken ct)
    {
        lock (_gate)
        {
            return Task.FromResult<IReadOnlyList<ContainerUsage>>(
                [.. _containers.Values.Where(container => container.State == RuntimeContainerState.Running).Select(Usage)]);
        }
    }

    // Streams

    public async Task<ExecSyncResult> ExecSyncAsync(string containerId, IReadOnlyList<string> command, TimeSpan timeout, CancellationToken ct)
    {
        PretendContainer container = FindRunning(containerId);
        using var output = new MemoryStream();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct, container.Life.Token);
        bool isTimedOut = false;
        using IDisposable alarm = _alarms.Set(_alarms.Now + timeout, () =>
        {
            isTimedOut = true;
            try
            {
                limit.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The command has ended at that very moment.
            }
        });
        try
        {
            RemoteCommandResult result = await Shell(container).RunAsync(Session(command, Stream.Null, output, output), limit.Token);
            return result.ExitCode is { } code ? new ExecSyncResult(code, Encoding.UTF8.GetString(output.ToArray())) : throw new CriException(result.Error!);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new CriException(isTimedOut ? $"command {string.Join(' ', command)} timed out" : "the container has ended");
        }
    }

    public async Task<RemoteCommandResult> ExecAsync(string containerId, RemoteCommandSession session, CancellationToken ct)
    {
        PretendContainer container = FindRunning(containerId);
        using var life = CancellationTokenSource.CreateLinkedTokenSource(ct, container.Life.Token);
        try
        {
            return await Shell(container).RunAsync(session, life.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return RemoteCommandResult.Exited(Killed);
        }
    }

    /// <summary>With input, the client talks to the container's process: its command, or what sends back what it gets. Without, it looks on.</summary>
    public async Task<RemoteCommandResult> AttachAsync(string containerId, RemoteCommandSession session, CancellationToken ct)
    {
        PretendContainer container = FindRunning(containerId);
        if (!container.Config.HasStdin || !session.Options.Stdin)
        {
            await LookOnAsync(container, session, ct);
            return RemoteCommandResult.Success;
        }
        using var life = CancellationTokenSource.CreateLinkedTokenSource(ct, container.Life.Token);
        IReadOnlyList<string> command = IsInteractive(container.Command) || EchoShell.CanRun(container.Command) ? container.Command : ["cat"];
        using var log = new LogWriter(this, container, isStderr: false);
        try
        {
            RemoteCommandSession process = Session(command, session.Stdin, new TeeStream(session.Stdout, log), session.Stderr, session);
            RemoteCommandResult result = await Shell(container).RunAsync(process, life.Token);
            // Its input has ended, and with it the process; a client that broke off leaves it running.
            lock (_gate)
                End(container, result.ExitCode ?? 1, "");
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // The container was stopped.
        }
        return RemoteCommandResult.Success;
    }

    public Task PortForwardAsync(string sandboxId, int port, DuplexStream connection, CancellationToken ct)
    {
        Sandbox? sandbox;
        lock (_gate)
        {
            if (!_sandboxes.TryGetValue(sandboxId, out sandbox) || !sandbox.IsReady)
                throw new CriException($"failed to find sandbox \"{sandboxId}\"");
        }
        return PretendPort.ServeAsync(sandbox.Config.Name, port, connection, ct);
    }

    /// <summary>Its addresses are nowhere: who is let in is let in here.</summary>
    public Task ConnectAsync(string sandboxId, string address, int port, DuplexStream connection, CancellationToken ct) =>
        PortForwardAsync(sandboxId, port, connection, ct);

    public async IAsyncEnumerable<LogLine> ReadLogAsync(string containerId, bool follow, [EnumeratorCancellation] CancellationToken ct)
    {
        PretendContainer container = Find(containerId);
        bool hasStarted = false;
        int position = 0;
        while (true)
        {
            var lines = new List<LogLine>();
            Task changed;
            bool isOver;
            lock (_gate)
            {
                if (!hasStarted && container.StartedAt is not null)
                {
                    hasStarted = true;
                    lines.AddRange(container.StartLines());
                }
                lines.AddRange(container.LinesFrom(position));
                position = container.LineCount;
                isOver = container.State == RuntimeContainerState.Exited || !_containers.ContainsKey(containerId);
                changed = follow && !isOver ? container.Changed : Task.CompletedTask;
            }
            foreach (LogLine line in lines)
                yield return line;
            if (!follow || isOver)
                yield break;
            await changed.WaitAsync(ct);
        }
    }

    /// <summary>Nobody listens at a pretend container's ports: the runtime answers in its place.</summary>
    public Task<ProbeResult> ProbeAsync(ProbeTarget target, ProbeRequest request, TimeSpan timeout, CancellationToken ct)
    {
        lock (_gate)
        {
            bool isUp = _containers.TryGetValue(target.ContainerId, out PretendContainer? container)
                && container is { State: RuntimeContainerState.Running, Wishes.ProbesFail: false };
            string failure = request.HttpGet is not null ? "HTTP probe failed with statuscode: 503" : "connection refused";
            return Task.FromResult(new ProbeResult(isUp, isUp ? "" : failure));
        }
    }

    private static bool IsInteractive(IReadOnlyList<string> command) =>
        command.Count > 0 && command[0][(command[0].LastIndexOf('/') + 1)..] is "sh" or "bash" or "ash";

    private static RemoteCommandSession Session(
        IReadOnlyList<string> command, Stream stdin, Stream stdout, Stream stderr, RemoteCommandSession? around = null) => new()
        {
            Options = new RemoteCommandOptions { Command = command, Stdin = true, Stdout = true, Stderr = true, Tty = around?.Options.Tty ?? false },
            Stdin = stdin,
            Stdout = stdout,
            Stderr = stderr,
            Sizes = around?.Sizes ?? NoSizes(),
        };

    private static System.Threading.Channels.ChannelReader<TerminalSize> NoSizes()
    {
        var none = System.Threading.Channels.Channel.CreateBounded<TerminalSize>(1);
        none.Writer.Complete();
        return none.Reader;
    }

    private string NewId() => _idPrefix + (++_lastId).ToString("x56", CultureInfo.InvariantCulture);

    private List<Sandbox> OfPod(string uid)
    {
        if (!_byPod.TryGetValue(uid, out List<Sandbox>? sandboxes))
            _byPod[uid] = sandboxes = [];
        return sandboxes;
    }

    private IEnumerable<Sandbox> Select(string? podUid) =>
        podUid is null ? _sandboxes.Values : _byPod.TryGetValue(podUid, out List<Sandbox>? sandboxes) ? sandboxes : [];

    private PretendContainer Find(string containerId)
    {
        lock (_gate)
        {
            return _containers.TryGetValue(containerId, out PretendContainer? container)
                ? container
                : throw new CriException($"an error occurred when try to find container \"{containerId}\": not found");
        }
    }

    private PretendContainer FindRunning(string containerId)
    {
        PretendContainer container = Find(containerId);
        lock (_gate)
        {
            return container.State == RuntimeContainerState.Running
                ? container
                : throw new CriException($"container is in {container.State.ToString().ToUpperInvariant()} state, not running");
        }
    }

    private EchoShell Shell(PretendContainer container) => new(container.Environment, _alarms.DelayAsync);

    private ContainerUsage Usage(PretendContainer container)
    {
        const long DefaultNanoCores = 1_000_000;
        const long DefaultMemoryBytes = 8 * 1024 * 1024;
        long cores = container.Wishes.CpuNanoCores ?? DefaultNanoCores;
        DateTimeOffset now = _alarms.Now;
        DateTimeOffset startedAt = container.StartedAt ?? now;
        return new ContainerUsage(
            container.Id, container.Config.Name, container.Pod.Uid, container.Pod.Name, container.Pod.Namespace, now, startedAt,
            cores, (long)(cores * (now - startedAt).TotalSeconds), container.Wishes.MemoryBytes ?? DefaultMemoryBytes);
    }

    // What containers do by themselves; all under the lock

    private void Run(PretendContainer container)
    {
        container.Start(_alarms.Now);
        HollowAnnotations wishes = container.Wishes;
        if (wishes.Fail is "exit" or "true")
            EndAfter(container, TimeSpan.Zero, wishes.ExitCode ?? 1);
        else if (wishes.ExitAfter is { } time)
            EndAfter(container, time, wishes.ExitCode ?? 0);
        else if (EchoShell.CanRun(container.Command))
            RunCommand(container);
        else if (container.EndsByItself && !container.Config.HasStdin)
            EndAfter(container, container.IsInit ? TimeSpan.Zero : _options.FinishDelay, wishes.ExitCode ?? 0);
    }

    private void RunCommand(PretendContainer container)
    {
        container.RunsItsCommand = true;
        if (container.Config.HasStdin)
            return; // It waits for its input: who attaches runs it.
        _ = Task.Run(async () =>
        {
            using var output = new LogWriter(this, container, isStderr: false);
            using var errors = new LogWriter(this, container, isStderr: true);
            try
            {
                RemoteCommandResult result = await Shell(container).RunAsync(
                    Session(container.Command, Stream.Null, output, errors), container.Life.Token);
                output.Flush();
                errors.Flush();
                lock (_gate)
                    End(container, container.Wishes.ExitCode ?? result.ExitCode ?? 1, "");
            }
            catch (OperationCanceledException)
            {
                // Stopped before its end.
            }
        });
    }

    private void Obey(PretendContainer container, HollowAnnotations before, HollowAnnotations now)
    {
        if (now.Restart is not null && now.Restart != before.Restart)
            EndAfter(container, TimeSpan.Zero, now.ExitCode ?? 0);
        else if (now.Fail is not null && now.Fail != before.Fail)
            EndAfter(container, TimeSpan.Zero, now.ExitCode ?? 1);
        else if (now.ExitAfter is { } time && now.ExitAfter != before.ExitAfter)
            EndAfter(container, time, now.ExitCode ?? 0);
    }

    private void EndAfter(PretendContainer container, TimeSpan time, int exitCode)
    {
        container.EndAlarm?.Dispose();
        container.EndAlarm = _alarms.Set(_alarms.Now + time, () =>
        {
            lock (_gate)
                End(container, exitCode, "");
        });
    }

    private void End(PretendContainer container, int exitCode, string message)
    {
        if (container.State == RuntimeContainerState.Exited)
            return;
        container.End(exitCode, message, _alarms.Now);
        _ = container.Life.CancelAsync(); // Not here: what goes on by it must not run under the lock.
        _changed?.Invoke(new ContainerEvent(container.Pod.Uid, container.Id));
    }

    private void WriteLog(PretendContainer container, bool isStderr, string text)
    {
        lock (_gate)
            container.Write(new LogLine(_alarms.Now, isStderr, text));
    }

    private async Task LookOnAsync(PretendContainer container, RemoteCommandSession session, CancellationToken ct)
    {
        await foreach (LogLine line in ReadLogAsync(container.Id, follow: true, ct))
            await (line.IsStderr ? session.Stderr : session.Stdout).WriteAsync(Encoding.UTF8.GetBytes(line.Text + "\n"), ct);
    }

    private sealed class Sandbox(string id, PodSandboxConfig config, string ip, DateTimeOffset createdAt)
    {
        public string Id { get; } = id;
        public PodSandboxConfig Config { get; } = config;
        public string Ip { get; } = ip;
        public bool IsReady { get; set; } = true;
        public List<PretendContainer> Containers { get; } = [];

        public PodSandbox Describe() =>
            new(Id, Config.Uid, Config.Name, Config.Namespace, Config.Attempt, IsReady, createdAt, Ip);
    }

    private sealed class Subscription(Action end) : IDisposable
    {
        public void Dispose() => end();
    }

    /// <summary>Cuts what a process writes into the lines of its log.</summary>
    private sealed class LogWriter(PretendRuntime runtime, PretendContainer container, bool isStderr) : WriteOnlyStream
    {
        private const int LineLimit = 16 * 1024;
        private readonly List<byte> _line = [];

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            foreach (byte value in buffer)
            {
                if (value != '\n')
                    _line.Add(value);
                if (value == '\n' || _line.Count == LineLimit)
                    Emit();
            }
        }

        public override void Flush()
        {
            if (_line.Count > 0)
                Emit();
        }

        protected override void Dispose(bool disposing)
        {
            Flush();
            base.Dispose(disposing);
        }

        private void Emit()
        {
            runtime.WriteLog(container, isStderr, Encoding.UTF8.GetString([.. _line]));
            _line.Clear();
        }
    }

    /// <summary>Writes to a client and to the log.</summary>
    private sealed class TeeStream(Stream first, Stream second) : WriteOnlyStream
    {
        public override void Write(ReadOnlySpan<byte> buffer) => throw new NotSupportedException();

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await first.WriteAsync(buffer, cancellationToken);
            second.Write(buffer.Span);
        }
    }
}
