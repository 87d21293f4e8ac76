using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Hollow;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Pods;

namespace Orchestrator.Runtime.Tests.Nodes;

/// <summary>Pods that a node's own folder asks for, and their mirrors.</summary>
public sealed class StaticPodTests : IAsyncLifetime
{
    private const string Name = "web-one";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("static-pods-").FullName;
    private readonly FakeKubeletApi _api = new();
    private readonly SteppedTime _clock = new();
    private readonly Lines _log = new();
    private readonly Alarms _runtimeAlarms;
    private readonly PretendRuntime _runtime;
    private CancellationTokenSource _life = new();
    private KubeletServices? _services;
    private Kubelet.Kubelet? _kubelet;
    private Task _running = Task.CompletedTask;

    public StaticPodTests()
    {
        _runtimeAlarms = new Alarms(_clock);
        _runtime = new PretendRuntime(new HollowOptions { StartDelay = TimeSpan.Zero }, _runtimeAlarms, 0);
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await StopAsync();
        _runtimeAlarms.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_file_is_run_and_a_mirror_shows_how_it_is()
    {
        Write("web.yaml", Manifest());
        Start();
        await UntilReadyAsync();

        Pod mirror = Mirror()!;
        OwnerReference owner = Assert.Single(mirror.Metadata.OwnerReferences!);
        PodSandbox sandbox = Assert.Single(await SandboxesAsync());
        Assert.Equal(sandbox.PodUid, mirror.Annotations["kubernetes.io/config.mirror"]);
        Assert.Equal(sandbox.PodUid, mirror.Annotations["kubernetes.io/config.hash"]);
        Assert.Equal("file", mirror.Annotations["kubernetes.io/config.source"]);
        Assert.StartsWith("2030-01-01T00:0", mirror.Annotations["kubernetes.io/config.seen"]);
        Assert.NotEqual(sandbox.PodUid, mirror.Uid);
        Assert.Equal(("Node", "one", _api.Get<Node>("one")!.Uid, true), (owner.Kind, owner.Name, owner.Uid, owner.Controller));
        Assert.Equal(("Running", "hollow://" + (await MainAsync()).Id), (mirror.Status.Phase, mirror.Status.ContainerStatuses![0].ContainerID));
        Assert.Equal(sandbox.Ip, mirror.Status.PodIP);
        // kubectl describe looks for events by the mirror's annotation.
        await UntilAsync(() => _api.Events.Any(told => told.Reason == "Started" && told.InvolvedObject!.Uid == sandbox.PodUid), "its events");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_mirror_that_is_deleted_comes_anew_and_no_container_ends(bool isGraceful)
    {
        Write("web.yaml", Manifest());
        Start();
        await UntilReadyAsync();
        string uid = Mirror()!.Uid, container = (await MainAsync()).Id;

        if (isGraceful)
            _api.Delete(Name, 30, _clock.GetUtcNow());
        else
            _api.Remove(Name);
        await UntilAsync(() => Mirror() is { } mirror && mirror.Uid != uid && IsReady(), "there is another mirror");

        Assert.Equal((container, RuntimeContainerState.Running), ((await MainAsync()).Id, (await MainAsync()).State));
        Assert.Equal("hollow://" + container, Mirror()!.Status.ContainerStatuses![0].ContainerID);
        Assert.DoesNotContain(_api.Events, told => told.Reason == "Killing");
    }

    [Fact]
    public async Task An_end_that_somebody_writes_at_the_mirror_ends_nothing()
    {
        Write("web.yaml", Manifest());
        Start();
        await UntilReadyAsync();
        string container = (await MainAsync()).Id;

        _api.Change(Name, mirror => mirror.Status.Phase = "Failed");
        await UntilAsync(() => Mirror()!.Status.Phase == "Running", "it is shown as it is");

        Assert.Equal((container, RuntimeContainerState.Running), ((await MainAsync()).Id, (await MainAsync()).State));
    }

    [Fact]
    public async Task A_changed_file_is_another_pod_which_waits_for_the_old_ones_end()
    {
        Write("web.yaml", Manifest("nginx:1.27", stopAfter: "20m"));
        Start();
        await UntilReadyAsync();
        string first = Mirror()!.Uid, hash = Assert.Single(await SandboxesAsync()).PodUid;

        Write("web.yaml", Manifest("nginx:1.28", stopAfter: "20m"));
        await UntilAsync(() => _api.Events.Any(told => told.Reason == "Killing"), "the old one is told to end");
        bool waits = (await SandboxesAsync()).All(sandbox => sandbox.PodUid == hash) && Mirror()!.Uid == first;
        await UntilAsync(() => Mirror() is { } mirror && mirror.Uid != first && IsReady(), "the new one runs");

        Assert.True(waits);
        Assert.NotEqual(hash, Assert.Single(await SandboxesAsync()).PodUid);
        Assert.Equal("nginx:1.28", Mirror()!.Spec.Containers![0].Image);
        Assert.Equal("nginx:1.28", (await MainAsync()).Image);
    }

    [Fact]
    public async Task A_removed_file_ends_its_pod_and_then_the_mirror()
    {
        Write("web.yaml", Manifest(stopAfter: "20m"));
        Start();
        await UntilReadyAsync();

        File.Delete(Path.Combine(_folder, "web.yaml"));
        await UntilAsync(() => _api.Events.Any(told => told.Reason == "Killing"), "it is told to end");
        bool isShownMeanwhile = Mirror() is not null;
        await UntilAsync(() => Mirror() is null, "the mirror is gone");

        Assert.True(isShownMeanwhile);
        Assert.Empty(await SandboxesAsync());
        Assert.Empty(_kubelet!.Pods);
    }

    [Fact]
    public async Task Without_an_API_server_it_runs_and_later_its_mirror_comes()
    {
        _api.IsAway = true;
        Write("web.yaml", Manifest());
        Start();
        await UntilAsync(() => Containers().Any(container => container.State == RuntimeContainerState.Running), "it runs");
        string container = (await MainAsync()).Id;

        _api.IsAway = false;
        await UntilReadyAsync();

        Assert.Equal("hollow://" + container, Mirror()!.Status.ContainerStatuses![0].ContainerID);
        Assert.Equal(container, (await MainAsync()).Id);
    }

    [Fact]
    public async Task A_kubelet_that_starts_anew_finds_it_and_leaves_it_and_its_mirror_alone()
    {
        Write("web.yaml", Manifest());
        Start();
        await UntilReadyAsync();
        string uid = Mirror()!.Uid, container = (await MainAsync()).Id;
        DateTimeOffset? startTime = Mirror()!.Status.StartTime;

        await StopAsync();
        _clock.Advance(TimeSpan.FromMinutes(10));
        Start();
        _api.Change(Name, mirror => mirror.Status.Phase = "Pending"); // It is written anew by whoever takes it up.
        await UntilAsync(() => Mirror()!.Status.Phase == "Running", "the kubelet has taken it up");

        Assert.Equal((container, uid, startTime), ((await MainAsync()).Id, Mirror()!.Uid, Mirror()!.Status.StartTime));
        Assert.Single(await SandboxesAsync());
    }

    [Fact]
    public async Task A_status_that_was_made_before_its_mirror_was_known_is_not_written_over_what_that_shows()
    {
        Pod pod = HollowCluster.NewPod(Name), mirror = pod.DeepClone();
        (mirror.Metadata.Uid, mirror.Status.StartTime) = ("uid-1", _clock.GetUtcNow() - TimeSpan.FromMinutes(10));
        using var alarms = new Alarms(_clock);
        await using var writer = new PodStatusWriter(alarms, _life.Token);
        var slot = new PodStatusSlot { Api = _api, Known = pod, IsOfMirror = true, IsHeld = true };

        writer.Write(slot, new PodStatus { StartTime = _clock.GetUtcNow() }, TimeSpan.Zero);
        bool isAnother = PodStatusWriter.Show(slot, mirror), isStillAnother = PodStatusWriter.Show(slot, mirror);
        await writer.WrittenAsync(slot);

        Assert.Equal((true, false), (isAnother, isStillAnother));
        Assert.DoesNotContain("patch Pod", _api.Counts.Keys);
    }

    [Fact]
    public async Task A_file_that_changed_while_no_kubelet_ran_has_the_old_pod_ended_first()
    {
        Write("web.yaml", Manifest("nginx:1.27"));
        Start();
        await UntilReadyAsync();
        string former = Assert.Single(await SandboxesAsync()).PodUid, uid = Mirror()!.Uid;

        await StopAsync();
        _api.IsAway = true;
        Write("web.yaml", Manifest("nginx:1.28"));
        Start();
        await UntilAsync(() => Containers().Any(container => container is { Image: "nginx:1.28", State: RuntimeContainerState.Running }), "the new one runs");
        Assert.NotEqual(former, Assert.Single(await SandboxesAsync()).PodUid);
        _api.IsAway = false;
        await UntilAsync(() => Mirror() is { } mirror && mirror.Uid != uid && IsReady(), "the mirror is another's");

        Assert.Equal("nginx:1.28", Mirror()!.Spec.Containers![0].Image);
    }

    [Fact]
    public async Task A_mirror_of_nothing_is_deleted_and_what_it_showed_ends()
    {
        Write("web.yaml", Manifest());
        Start();
        await UntilReadyAsync();

        await StopAsync();
        File.Delete(Path.Combine(_folder, "web.yaml"));
        Start();
        await UntilAsync(() => Mirror() is null && Containers().Count == 0, "nothing is left");

        Assert.Empty(await SandboxesAsync());
    }

    [Fact]
    public async Task A_mirror_that_the_API_server_refuses_keeps_nothing_from_running_and_is_told_once()
    {
        _api.Write(HollowCluster.NewPod(Name, pod => pod.Spec.NodeName = "two"));
        Write("web.yaml", Manifest());
        Start();

        await UntilAsync(() => Containers().Any(container => container.State == RuntimeContainerState.Running) && _api.Counts.GetValueOrDefault("create Pod") >= 3, "it runs, and the mirror is tried again");
        _api.Remove(Name);
        await UntilReadyAsync();

        Assert.Single(_log.All, line => line.StartsWith("static pods: default/web-one runs, but the API server does not take its mirror: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_no_manifest_is_told_once_and_the_pod_from_before_runs_on()
    {
        Write("web.yaml", Manifest());
        Write("bad.yaml", "kind: Deployment");
        Write("same.yaml", Manifest("nginx:1.28"));
        Write("web.json", "");
        Write(".hidden", "kind: Deployment");
        Start();
        await UntilAsync(() => Containers().Any(container => container.State == RuntimeContainerState.Running), "one of the two runs");
        string image = (await MainAsync()).Image, container = (await MainAsync()).Id;

        Write("same.yaml", "nonsense: [");
        await UntilAsync(() => _log.All.Any(line => line.Contains("same.yaml is no static pod any more", StringComparison.Ordinal)), "the file that became worse is told of");
        for (int i = 0; i < 5; i++)
            await StepAsync(TimeSpan.FromSeconds(20));

        Assert.Equal(("nginx:1.28", container), (image, (await MainAsync()).Id));
        Assert.Equal(
            [
                $"static pods: {_folder}/bad.yaml is no static pod: it is of kind \"Deployment\" in version \"\": only a Pod in version \"v1\" can be static",
                $"static pods: {_folder}/same.yaml is no static pod any more, the one from before runs on: yaml: line",
                $"static pods: {_folder}/web.json is no static pod: it is empty",
                $"static pods: {_folder}/web.yaml is not run: another file has a pod default/web-one",
            ],
            _log.All.Select(line => line.Contains("yaml: line", StringComparison.Ordinal) ? line[..(line.IndexOf("yaml: line", StringComparison.Ordinal) + 10)] : line)
                .Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_pod_of_the_API_and_a_static_one_do_not_touch_each_other()
    {
        Write("web.yaml", Manifest());
        Start();
        await UntilReadyAsync();
        string container = (await MainAsync()).Id;

        _api.Bind(HollowCluster.NewPod("other", pod => pod.Spec.NodeName = "one"));
        await UntilAsync(() => _api.Pod("other").Status.Phase == "Running", "the other runs");
        _api.Remove("other");
        await UntilAsync(() => _kubelet!.Pods.Count() == 1, "the other is gone");

        Assert.Equal((container, RuntimeContainerState.Running), ((await MainAsync()).Id, (await MainAsync()).State));
    }

    private static string Manifest(string image = "nginx:1.27", string stopAfter = "0s") => $$"""
        apiVersion: v1
        kind: Pod
        metadata: { name: web, annotations: { hollow.orchestrator/stop-after: {{stopAfter}} } }
        spec: { terminationGracePeriodSeconds: 3600, containers: [ { name: main, image: "{{image}}" } ] }
        """;

    private void Write(string name, string text)
    {
        string temporary = Path.Combine(_folder, "." + name);
        File.WriteAllText(temporary, text);
        File.Move(temporary, Path.Combine(_folder, name), overwrite: true);
    }

    private void Start()
    {
        _life = new CancellationTokenSource();
        _services = new KubeletServices(_api, _clock);
        _kubelet = new Kubelet.Kubelet(
            new KubeletOptions { NodeName = "one", NodeIp = "127.0.0.1", StaticPodFolder = _folder, Log = _log, FirstReportDelay = TimeSpan.Zero },
            _services, _runtime, new PretendImages(), _runtime);
        _running = Task.Run(() => RunAsync(_kubelet, _life.Token));
    }

    private static async Task RunAsync(Kubelet.Kubelet kubelet, CancellationToken ct)
    {
        try
        {
            await kubelet.StartAsync(ct);
            await kubelet.FollowAsync(ct);
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    private async Task StopAsync()
    {
        await _life.CancelAsync();
        await _running;
        if (_kubelet is not null)
            await _kubelet.DisposeAsync();
        if (_services is not null)
            await _services.DisposeAsync();
        (_kubelet, _services) = (null, null);
        _life.Dispose();
        _life = new CancellationTokenSource();
        _running = Task.CompletedTask;
    }

    private Pod? Mirror() => _api.Get<Pod>(Name, "default");

    private bool IsReady() => Mirror()!.Status.Conditions.OrEmpty().Any(condition => condition is { Type: "Ready", Status: "True" });

    private Task<IReadOnlyList<PodSandbox>> SandboxesAsync() => _runtime.ListPodSandboxAsync(null, CancellationToken.None);

    private IReadOnlyList<RuntimeContainer> Containers() => _runtime.ListContainersAsync(null, CancellationToken.None).GetAwaiter().GetResult();

    private async Task<RuntimeContainer> MainAsync() => Assert.Single(await _runtime.ListContainersAsync(null, CancellationToken.None));

    private Task UntilReadyAsync() => UntilAsync(() => Mirror() is not null && IsReady(), "the mirror is ready");

    /// <summary>Lets time pass until it is so.</summary>
    private async Task UntilAsync(Func<bool> holds, string what)
    {
        long began = System.Diagnostics.Stopwatch.GetTimestamp();
        while (!holds())
        {
            Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(began) < Patience, $"never: {what}; {string.Join('\n', _log.All)}");
            await StepAsync(TimeSpan.FromSeconds(1));
        }
    }

    private async Task StepAsync(TimeSpan time)
    {
        await SteppedTime.LetOthersRunAsync();
        _clock.Advance(time);
    }

    private sealed class Lines : ILogger
    {
        private readonly Lock _gate = new();
        private readonly List<string> _lines = [];

        public IReadOnlyList<string> All
        {
            get
            {
                lock (_gate)
                    return [.. _lines];
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (_gate)
                _lines.Add(formatter(state, exception));
        }
    }
}
