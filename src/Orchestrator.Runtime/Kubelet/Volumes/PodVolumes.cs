using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Pods;

namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>What one pod's volumes need of their kubelet.</summary>
internal sealed record VolumeSurroundings
{
    /// <summary>Below it, the pod's folder.</summary>
    public required string PodFiles { get; init; }

    public required IMounts Mounts { get; init; }
    public required IKubeletApi Api { get; init; }
    public required WatchedObjects Objects { get; init; }
    public required Alarms Alarms { get; init; }
    public required IReadOnlyDictionary<string, Quantity> Allocatable { get; init; }

    /// <inheritdoc cref="ContainerSettings.LocalVolumes"/>
    public string? LocalVolumes { get; init; }

    /// <summary>The kubelet ends; volumes stay as they are.</summary>
    public CancellationToken Ending { get; init; }

    /// <summary>Whether the runtime can make a mount read-only with all that is mounted below it.</summary>
    public bool CanMountRecursivelyReadOnly { get; init; }
}

/// <summary>One pod's volumes: made before its containers, kept up to date while they run, taken down after them.</summary>
/// <remarks>Only one thing is done at a time. What fails is tried again after half a second, then twice as long each time, up to two
/// minutes; sooner when an object that it is made from changes.</remarks>
internal sealed class PodVolumes : IAsyncDisposable
{
    private const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute;

    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(122);

    /// <summary>How often what volumes take of the disk is looked at, where it is limited.</summary>
    private static readonly TimeSpan UsageInterval = TimeSpan.FromSeconds(10);

    private readonly VolumeSurroundings _around;
    private readonly Action<string> _tell;
    private readonly Action _wake;
    private readonly Action<string> _evict;
    private DateTimeOffset _nextUsage;
    private readonly VolumeFolders _folders;
    private readonly VolumeOwner _owner;
    private readonly PodObjects _objects;
    private readonly PodTokens _tokens;
    private readonly ProjectedSources _sources;
    private readonly Dictionary<string, (TimeSpan Wait, DateTimeOffset At)> _retries = [];
    private readonly SemaphoreSlim _turn = new(1);
    private readonly CancellationTokenSource _ending;
    private readonly Lock _gate = new();
    private Pod _pod;

    /// <summary>Never changed, but another one put in its place.</summary>
    private IReadOnlyDictionary<string, IVolume> _volumes = new Dictionary<string, IVolume>();
    private bool _isComplete;
    private bool _isTakenDown;
    private bool _isStale;
    private bool _isRefreshing;
    private IDisposable? _alarm;

    /// <param name="tell">Makes an event of the pod: its text.</param>
    /// <param name="wake">Called, quickly, when volumes that could not be had may be had now.</param>
    /// <param name="evict">Called, quickly, when a volume has become larger than it may be, with a text that says so.</param>
    public PodVolumes(Pod pod, VolumeSurroundings around, Action<string> tell, Action wake, Action<string> evict)
    {
        _pod = pod;
        _around = around;
        _tell = tell;
        _wake = wake;
        _evict = evict;
        _folders = new VolumeFolders(around.PodFiles, pod.Uid);
        _owner = VolumeOwner.Of(pod.Spec);
        _objects = new PodObjects(around.Objects, pod.Namespace, OnChanged);
        _tokens = new PodTokens(around.Api, around.Alarms.Clock);
        _sources = new ProjectedSources(() => Volatile.Read(ref _pod), _objects, _tokens, _owner, around.Allocatable);
        _ending = CancellationTokenSource.CreateLinkedTokenSource(around.Ending);
    }

    /// <summary>The pod as it is now: its labels and annotations may be among its files.</summary>
    public void Update(Pod pod)
    {
        Pod before = Interlocked.Exchange(ref _pod, pod);
        if (!Same(before.Labels, pod.Labels) || !Same(before.Annotations, pod.Annotations))
            OnChanged();
    }

    /// <summary>Makes those that are not there yet. What stands in the way is told by events.</summary>
    /// <returns>When to try again; null: all are there.</returns>
    public async Task<DateTimeOffset?> SetUpAsync(CancellationToken ct)
    {
        Pod pod = Volatile.Read(ref _pod);
        List<Volume> missing = [.. UsedBy(pod.Spec).Where(volume => !_volumes.ContainsKey(volume.Name ?? ""))];
        if (missing.Count == 0 && Volatile.Read(ref _isComplete))
            return null;
        await _turn.WaitAsync(ct);
        try
        {
            if (_isTakenDown)
                return null;
            if (missing.Count > 0)
            {
                _volumes = new Dictionary<string, IVolume>(
                    [.. _volumes, .. missing.Select(volume => KeyValuePair.Create(volume.Name ?? "", Make(volume, pod)))]);
                // What secrets and tokens become is for nobody else on the node.
                Directory.CreateDirectory(_folders.Volumes);
                LinuxFiles.ChangeMode(_folders.Pod, FolderMode);
                LinuxFiles.ChangeMode(_folders.Volumes, FolderMode);
            }
            DateTimeOffset? retry = await SetUpMissingAsync(ct);
            Volatile.Write(ref _isComplete, retry is null);
            SetAlarm();
            return retry;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>What a container sees of the volumes.</summary>
    /// <param name="variables">Its environment, which paths may be made from.</param>
    /// <exception cref="ContainerStartException">It cannot see what it asks for.</exception>
    public IReadOnlyList<ContainerMount> MountsOf(PodContainer container, IReadOnlyList<KeyValuePair<string, string>> variables) =>
        [.. container.Spec.VolumeMounts.OrEmpty().Select((mount, index) => MountOf(container, mount, index, variables))];

    /// <summary>Takes down all, and deletes what was the pod's own. Again is no error.</summary>
    /// <exception cref="IOException">Something is still in use; nothing that is mounted has been deleted through.</exception>
    public async Task TakeDownAsync(CancellationToken ct)
    {
        await _ending.CancelAsync();
        await _turn.WaitAsync(ct);
        try
        {
            _isTakenDown = true;
            _alarm?.Dispose();
            _objects.Dispose();
            TakeDown(_folders, _around.Mounts);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Ends what goes on for them, and leaves them as they are.</summary>
    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _turn.WaitAsync();
        _isTakenDown = true;
        _alarm?.Dispose();
        _objects.Dispose();
        _turn.Release();
    }

    /// <summary>Parts of volumes before the volumes that they are parts of.</summary>
    public static void TakeDown(VolumeFolders folders, IMounts mounts)
    {
        mounts.RemoveTree(folders.SubPaths);
        mounts.RemoveTree(folders.Volumes);
    }

    /// <summary>A volume that no container mounts is not made.</summary>
    private static IEnumerable<Volume> UsedBy(PodSpec spec)
    {
        HashSet<string?> used =
        [
            .. spec.InitContainers.OrEmpty().Concat(spec.Containers.OrEmpty())
                .SelectMany(container => container.VolumeMounts.OrEmpty().Select(mount => mount.Name)
                    .Concat(container.VolumeDevices.OrEmpty().Select(device => device.Name))),
            .. spec.EphemeralContainers.OrEmpty().SelectMany(container => container.VolumeMounts.OrEmpty().Select(mount => mount.Name)),
        ];
        return spec.Volumes.OrEmpty().Where(volume => used.Contains(volume.Name));
    }

    private IVolume Make(Volume volume, Pod pod)
    {
        string name = volume.Name ?? "";
        return volume switch
        {
            { EmptyDir: { } source } => new EmptyDirVolume(_folders.Of("empty-dir", name), source, pod.Spec, _owner, _around.Mounts),
            { HostPath: { } source } => new HostPathVolume(source.Path ?? "", source.Type ?? ""),
            { ConfigMap: { } source } => Written("configmap", name, isInMemory: false, async ct =>
                (await _sources.OfConfigMapAsync(source.Name, source.Items, source.DefaultMode, source.Optional, ct), null)),
            { Secret: { } source } => Written("secret", name, isInMemory: true, async ct =>
                (await _sources.OfSecretAsync(source.SecretName, source.Items, source.DefaultMode, source.Optional, ct), null)),
            { DownwardAPI: { } source } => Written("downward-api", name, isInMemory: true, _ =>
                Task.FromResult<(IReadOnlyDictionary<string, ProjectedFile>, DateTimeOffset?)>((_sources.OfPod(source.Items, source.DefaultMode), null))),
            { Projected: { } source } => Written("projected", name, isInMemory: true, ct => _sources.OfAllAsync(source, ct)),
            { PersistentVolumeClaim: { } source } => new ClaimVolume(
                _around.Api, pod.Namespace, source.ClaimName ?? "", null, source.ReadOnly == true, _folders, _owner, _around.Mounts, _around.LocalVolumes),
            { Ephemeral: not null } => new ClaimVolume(
                _around.Api, pod.Namespace, $"{pod.Name}-{name}", pod.Uid, false, _folders, _owner, _around.Mounts, _around.LocalVolumes),
            _ => new UnknownVolume(name),
        };
    }

    private WrittenVolume Written(
        string kind, string name, bool isInMemory,
        Func<CancellationToken, Task<(IReadOnlyDictionary<string, ProjectedFile> Files, DateTimeOffset? RenewAt)>> readAsync) =>
        new(_folders.Of(kind, name), isInMemory, readAsync, _owner, _around.Mounts, _around.Alarms.Clock);

    private async Task<DateTimeOffset?> SetUpMissingAsync(CancellationToken ct)
    {
        DateTimeOffset? retry = null;
        var unknown = new List<(string Name, string Problem)>();
        foreach (var (name, volume) in _volumes)
        {
            DateTimeOffset now = _around.Alarms.Now;
            if (_retries.TryGetValue(name, out var last) && last.At > now)
            {
                retry = Earlier(retry, last.At);
                continue;
            }
            if (await ProblemAsync(volume, ct) is not { } problem)
            {
                _retries.Remove(name);
                continue;
            }
            if (problem is VolumeException { IsUnknown: true })
                unknown.Add((name, problem.Message));
            else
                Tell(name, problem);
            TimeSpan wait = last.Wait == default ? FirstRetry : last.Wait * 2 < LongestRetry ? last.Wait * 2 : LongestRetry;
            _retries[name] = (wait, _around.Alarms.Now + wait);
            retry = Earlier(retry, _retries[name].At);
        }
        TellUnknown(unknown);
        return retry;
    }

    private static async Task<Exception?> ProblemAsync(IVolume volume, CancellationToken ct)
    {
        try
        {
            await volume.SetUpAsync(ct);
            return null;
        }
        catch (Exception e) when (e is VolumeException or IOException or UnauthorizedAccessException or ApiException or NotSupportedException)
        {
            return e;
        }
    }

    private void Tell(string name, Exception problem) => _tell($"MountVolume.SetUp failed for volume \"{name}\" : {problem.Message}");

    private void TellUnknown(List<(string Name, string Problem)> unknown)
    {
        if (unknown.Count == 0)
            return;
        string names = string.Join(' ', unknown.Select(volume => volume.Name));
        string problems = string.Join(", ", unknown.Select(volume => volume.Problem).Distinct());
        _tell($"Unable to attach or mount volumes: unmounted volumes=[{names}], unattached volumes=[], failed to process volumes=[{names}]: {problems}");
    }

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;

    private static DateTimeOffset Earlier(DateTimeOffset? one, DateTimeOffset other) => one is { } known && known < other ? known : other;

    private ContainerMount MountOf(PodContainer container, VolumeMount mount, int index, IReadOnlyList<KeyValuePair<string, string>> variables)
    {
        string name = mount.Name ?? "";
        if (!_volumes.TryGetValue(name, out IVolume? volume))
            throw Refusal("CreateContainerConfigError", $"cannot find volume \"{name}\" to mount into container \"{container.Name}\"");
        string part = ContainerEnvironment.SubPathOf(mount, variables);
        bool isReadOnly = volume.IsReadOnly || mount.ReadOnly == true;
        return new ContainerMount(
            part.Length == 0 ? volume.Root : Part(volume.Root, part, name, container, index),
            Path.Combine("/", mount.MountPath ?? ""),
            isReadOnly,
            mount.MountPropagation switch
            {
                "HostToContainer" => MountPropagation.HostToContainer,
                "Bidirectional" => MountPropagation.Bidirectional,
                _ => MountPropagation.Private,
            })
        {
            IsRecursivelyReadOnly = IsRecursive(mount, name),
        };
    }

    private string Part(string root, string part, string volume, PodContainer container, int index)
    {
        try
        {
            return new SubPaths(_folders, _around.Mounts).Prepare(root, part, volume, container.Name, index);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw Refusal("CreateContainerConfigError", $"failed to prepare subPath for volumeMount \"{volume}\" of container \"{container.Name}\"");
        }
    }

    private bool IsRecursive(VolumeMount mount, string name) => mount.RecursiveReadOnly switch
    {
        "Enabled" when !_around.CanMountRecursivelyReadOnly => throw Refusal(
            "CreateContainerConfigError",
            $"failed to resolve recursive read-only mode: volume \"{name}\" requested recursive read-only mode, but it is not supported by the runtime"),
        "Enabled" => true,
        "IfPossible" => mount.ReadOnly == true && _around.CanMountRecursivelyReadOnly,
        _ => false,
    };

    private static ContainerStartException Refusal(string reason, string message) => new(new WaitingReason(reason, message), null);

    /// <summary>An object that they are made from, or the pod itself, is not as it was.</summary>
    private void OnChanged()
    {
        lock (_gate)
        {
            _isStale = true;
            if (_isRefreshing || _ending.IsCancellationRequested)
                return;
            _isRefreshing = true;
        }
        _ = Task.Run(RefreshAsync);
    }

    private async Task RefreshAsync()
    {
        while (true)
        {
            lock (_gate)
            {
                if (!_isStale || _ending.IsCancellationRequested)
                {
                    _isRefreshing = false;
                    return;
                }
                _isStale = false;
            }
            try
            {
                await RefreshOnceAsync(_ending.Token);
            }
            catch (OperationCanceledException)
            {
                // Taken down meanwhile.
            }
        }
    }

    private async Task RefreshOnceAsync(CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            if (_isTakenDown)
                return;
            if (!_isComplete)
            {
                _retries.Clear(); // What was missing may be there now.
                _wake();
                return;
            }
            await BringUpToDateAsync(ct);
            CheckUsage();
            SetAlarm();
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task BringUpToDateAsync(CancellationToken ct)
    {
        foreach (var (name, volume) in _volumes.Where(volume => volume.Value.IsLive))
        {
            if (await ProblemAsync(volume, ct) is not { } problem)
            {
                _retries.Remove(name);
                continue;
            }
            Tell(name, problem); // Its containers go on with what they have.
            TimeSpan last = _retries.GetValueOrDefault(name).Wait;
            TimeSpan wait = last == default ? FirstRetry : last * 2 < LongestRetry ? last * 2 : LongestRetry;
            _retries[name] = (wait, _around.Alarms.Now + wait);
        }
    }

    private void CheckUsage()
    {
        if (_around.Alarms.Now < _nextUsage)
            return;
        _nextUsage = _around.Alarms.Now + UsageInterval;
        foreach (var (name, volume) in _volumes)
        {
            if (volume.DiskLimitBytes is { } limit && DiskUsage.Of(volume.Root, limit) > limit)
                _evict($"Usage of EmptyDir volume \"{name}\" exceeds the limit \"{LimitOf(name)}\". ");
        }
    }

    /// <summary>As the pod has it.</summary>
    private string LimitOf(string name) =>
        Volatile.Read(ref _pod).Spec.Volumes.OrEmpty().Find(volume => volume.Name == name)?.EmptyDir?.SizeLimit?.ToString() ?? "";

    /// <summary>For what has to be renewed or looked at, and for what could not be.</summary>
    private void SetAlarm()
    {
        _alarm?.Dispose();
        _alarm = null;
        if (!_isComplete)
            return;
        DateTimeOffset? due = null;
        foreach (DateTimeOffset at in _volumes.Values.Select(volume => volume.RenewAt).OfType<DateTimeOffset>().Concat(_retries.Values.Select(retry => retry.At)))
            due = Earlier(due, at);
        if (_volumes.Values.Any(volume => volume.DiskLimitBytes is not null))
            due = Earlier(due, Later(_nextUsage, _around.Alarms.Now + TimeSpan.FromSeconds(1)));
        if (due is { } first)
            _alarm = _around.Alarms.Set(first, OnChanged);
    }

    private static bool Same(IReadOnlyDictionary<string, string> one, IReadOnlyDictionary<string, string> other) =>
        one.Count == other.Count && one.All(entry => other.TryGetValue(entry.Key, out string? value) && value == entry.Value);

    /// <summary>A kind that this kubelet has nothing for.</summary>
    private sealed class UnknownVolume(string name) : IVolume
    {
        public string Root => "";

        public Task SetUpAsync(CancellationToken ct) =>
            throw new VolumeException($"failed to get Plugin from volumeSpec for volume \"{name}\" err=no volume plugin matched", isUnknown: true);
    }
}
