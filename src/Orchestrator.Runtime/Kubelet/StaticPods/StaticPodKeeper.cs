using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet.StaticPods;

/// <summary>A node's static pods: what its folder asks for runs, with or without an API server, and is shown there by mirrors.</summary>
internal sealed class StaticPodKeeper : IDisposable
{
    /// <summary>Whoever writes a file gets this long to write it to its end.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(100);

    private readonly Kubelet _kubelet;
    private readonly StaticPodFolder? _folder;
    private readonly Turns _reading;
    private readonly Lock _gate = new();
    private readonly Dictionary<NamespacedName, StaticPod> _pods = [];
    private IDisposable? _check;
    private IDisposable? _settling;
    private bool _isEnding;

    public StaticPodKeeper(Kubelet kubelet)
    {
        _kubelet = kubelet;
        if (kubelet.Options.StaticPodFolder is { } folder)
            _folder = new StaticPodFolder(folder, kubelet.Options.NodeName, kubelet.Services.Alarms.Clock, kubelet.Options.Log);
        _reading = new Turns(ReadAsync, kubelet.Services.Stopping);
    }

    /// <summary>Guards what all static pods are known to be.</summary>
    internal Lock Gate => _gate;

    /// <summary>Whether the API has told of all mirrors there are.</summary>
    internal bool IsSynced { get; private set; }

    /// <summary>Begins to run what the folder asks for now, and follows it.</summary>
    public void Start()
    {
        if (_folder is null)
            return;
        Read();
        _reading.Ask(); // A file that came between the reading and the watching.
    }

    /// <summary>Whether a pod of this uid is to run, or may be: its files are not known then.</summary>
    public bool Wants(string uid)
    {
        lock (_gate)
        {
            return _pods.Values.Any(pod => pod.Wanted?.Uid == uid)
                || (_folder is { IsRead: false } && StaticManifest.IsUid(uid));
        }
    }

    public void Changed(Pod mirror)
    {
        lock (_gate)
            PlaceOf(mirror.Key).SetMirror(mirror);
    }

    public void Deleted(Pod mirror)
    {
        lock (_gate)
        {
            if (_pods.TryGetValue(mirror.Key, out StaticPod? pod) && pod.Mirror?.Uid == mirror.Uid)
                pod.SetMirror(null);
        }
    }

    /// <summary>All mirrors have been told: what is missing may be made.</summary>
    public void Synced()
    {
        lock (_gate)
        {
            IsSynced = true;
            foreach (StaticPod pod in _pods.Values)
                pod.LookAtMirror();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isEnding = true;
            _check?.Dispose();
            _settling?.Dispose();
        }
        _folder?.Dispose();
    }

    /// <summary>Called under the gate.</summary>
    internal void ForgetIfNothing(StaticPod pod)
    {
        if (pod is { Wanted: null, Worker: null, Mirror: null })
            _pods.Remove(pod.Name);
    }

    private StaticPod PlaceOf(NamespacedName name)
    {
        if (!_pods.TryGetValue(name, out StaticPod? pod))
            _pods[name] = pod = new StaticPod(_kubelet, this, name);
        return pod;
    }

    private Task ReadAsync()
    {
        Read();
        return Task.CompletedTask;
    }

    private void Read()
    {
        _folder!.Watch(OnFolderChanged);
        IReadOnlyDictionary<NamespacedName, Pod> wanted = _folder.Read();
        lock (_gate)
        {
            if (_isEnding)
                return;
            foreach (Pod pod in wanted.Values)
                PlaceOf(pod.Key).SetWanted(pod);
            foreach (StaticPod gone in _pods.Values.Where(pod => pod.Wanted is not null && !wanted.ContainsKey(pod.Name)).ToList())
                gone.SetWanted(null);
            _check?.Dispose();
            _check = _kubelet.Services.Alarms.Set(_kubelet.Services.Alarms.Now + _kubelet.Options.StaticPodCheck, _reading.Ask);
        }
    }

    private void OnFolderChanged()
    {
        lock (_gate)
        {
            if (_isEnding)
                return;
            _settling?.Dispose();
            _settling = _kubelet.Services.Alarms.Set(_kubelet.Services.Alarms.Now + Settling, _reading.Ask);
        }
    }
}
