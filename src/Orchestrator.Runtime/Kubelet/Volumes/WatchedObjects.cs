using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>The objects that pods of a node have in their volumes, each watched once for all of them, as long as one wants it.</summary>
/// <remarks>A node may read what its pods name and nothing else, so each is watched by its name. What says that it never changes
/// (immutable) is not watched on once it is here.</remarks>
internal sealed class WatchedObjects(IKubeletApi api, TimeProvider clock, CancellationToken stopping)
{
    /// <summary>How long a first answer of the API server is waited for.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly Dictionary<(Type Kind, NamespacedName Name), IWatched> _watched = [];

    private interface IWatched
    {
        void Leave(Action follower);
    }

    /// <summary>How many objects are watched.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _watched.Count;
        }
    }

    /// <summary>Calls <paramref name="changed"/>, which must be quick, whenever the object may have changed.</summary>
    public Following<T> Follow<T>(string ns, string name, Action changed) where T : class, IKubernetesObject<T>
    {
        lock (_gate)
        {
            var key = (typeof(T), new NamespacedName(ns, name));
            if (!_watched.TryGetValue(key, out IWatched? known))
                _watched[key] = known = new Watched<T>(this, key.Item2);
            var watched = (Watched<T>)known;
            watched.Join(changed);
            return new Following<T>(watched.ReadAsync, () => watched.Leave(changed));
        }
    }

    /// <summary>One's part of a watch; disposing it ends it.</summary>
    internal sealed class Following<T>(Func<CancellationToken, Task<T?>> readAsync, Action leave) : IDisposable
    {
        /// <summary>The object as it was last seen.</summary>
        /// <returns>Null where there is none.</returns>
        /// <exception cref="VolumeException">The API server has not told yet.</exception>
        public Task<T?> ReadAsync(CancellationToken ct) => readAsync(ct);

        public void Dispose() => leave();
    }

    private sealed class Watched<T> : IWatched, IObjectSink<T>
        where T : class, IKubernetesObject<T>
    {
        private readonly WatchedObjects _owner;
        private readonly NamespacedName _name;
        private readonly List<Action> _followers = [];
        private readonly CancellationTokenSource _ending;
        private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T? _value;
        private bool _isFinal;

        public Watched(WatchedObjects owner, NamespacedName name)
        {
            _owner = owner;
            _name = name;
            _ending = CancellationTokenSource.CreateLinkedTokenSource(owner.Stopping);
            _ = Task.Run(WatchAsync);
        }

        public void Join(Action follower) => _followers.Add(follower);

        public void Leave(Action follower)
        {
            lock (_owner._gate)
            {
                _followers.Remove(follower);
                if (_followers.Count > 0)
                    return;
                _owner.Forget(typeof(T), _name, this);
            }
            _ending.Cancel();
        }

        public async Task<T?> ReadAsync(CancellationToken ct)
        {
            try
            {
                await _synced.Task.WaitAsync(Patience, _owner.Clock, ct);
            }
            catch (TimeoutException)
            {
                throw new VolumeException($"failed to sync {typeof(T).Name.ToLowerInvariant()} cache: timed out waiting for the condition");
            }
            return Volatile.Read(ref _value);
        }

        public void Changed(T value)
        {
            if (_isFinal)
                return;
            Volatile.Write(ref _value, value);
            _isFinal = value is ConfigMap { Immutable: true } or Secret { Immutable: true };
            Tell();
            if (!_isFinal)
                return;
            _synced.TrySetResult();
            // Whoever comes later looks anew: it may be another object by then.
            lock (_owner._gate)
                _owner.Forget(typeof(T), _name, this);
            _ = _ending.CancelAsync(); // Not here: this call is the watch's own.
        }

        public void Deleted(T value)
        {
            if (_isFinal)
                return;
            Volatile.Write(ref _value, null);
            Tell();
        }

        public void Synced() => _synced.TrySetResult();

        private async Task WatchAsync()
        {
            try
            {
                await _owner.Api.WatchAsync(_name.Namespace, _name.Name, this, _ending.Token);
            }
            catch (OperationCanceledException)
            {
                // Nobody wants it any more.
            }
        }

        private void Tell()
        {
            if (!_synced.Task.IsCompleted)
                return; // Nobody has read it yet.
            Action[] followers;
            lock (_owner._gate)
                followers = [.. _followers];
            foreach (Action follower in followers)
                follower();
        }
    }

    private IKubeletApi Api => api;

    private TimeProvider Clock => clock;

    private CancellationToken Stopping => stopping;

    private void Forget(Type kind, NamespacedName name, IWatched watched)
    {
        if (_watched.TryGetValue((kind, name), out IWatched? known) && known == watched)
            _watched.Remove((kind, name));
    }
}
