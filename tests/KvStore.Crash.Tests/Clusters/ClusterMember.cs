using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Processes;

namespace KvStore.Crash.Tests.Clusters;

/// <summary>One member of a <see cref="LiveCluster"/>: who it is, and the process that it is just now.</summary>
internal sealed class ClusterMember(LiveCluster cluster, string name, string dataDirectory, string peerUrl) : IAsyncDisposable
{
    private MemberProcess? _process;
    private EtcdClient? _client;

    public string Name => name;

    /// <summary>Where its data is; a test may put another's there.</summary>
    public string DataDirectory { get; set; } = dataDirectory;

    /// <summary>Where its peers find it.</summary>
    public string PeerUrl { get; set; } = peerUrl;

    /// <summary>What <c>--initial-cluster</c> says of it.</summary>
    public string InitialUrl => $"{name}={PeerUrl}";

    public MemberProcess Process => _process ?? throw new InvalidOperationException($"{name} was never started");

    public EtcdClient Client => _client ?? throw new InvalidOperationException($"{name} does not serve");

    public string Url => Process.Url;

    public bool IsRunning => _process is { HasExited: false };

    /// <summary>It runs and has said that it is ready.</summary>
    public bool IsServing => IsRunning && _client is not null;

    /// <summary>The number of its newest checkpoint.</summary>
    public long CheckpointNumber => Directory.GetFiles(Path.Combine(DataDirectory, "checkpoints"), "*.checkpoint")
        .Select(file => Convert.ToInt64(Path.GetFileNameWithoutExtension(file), 16)).DefaultIfEmpty(0).Max();

    /// <summary>Its id; known once it has served.</summary>
    public ulong Id { get; private set; }

    /// <summary>Starts its process, and comes back at once.</summary>
    /// <param name="flags">Stand behind the cluster's own and so win.</param>
    public async Task<MemberProcess> LaunchAsync(params IEnumerable<string> flags)
    {
        await EndAsync();
        _process = MemberProcess.Run(
        [
            $"--name={name}", $"--data-dir={DataDirectory}",
            "--listen-client-urls=http://127.0.0.1:0", "--advertise-client-urls=http://127.0.0.1:0",
            $"--listen-peer-urls={PeerUrl}", $"--initial-advertise-peer-urls={PeerUrl}",
            $"--initial-cluster={cluster.InitialCluster}", .. cluster.Flags, .. flags,
        ]);
        return _process;
    }

    /// <summary>Waits until it serves clients.</summary>
    public async Task ReadyAsync()
    {
        await Process.ReadyAsync();
        _client = new EtcdClient(Url);
        Id = (await _client.StatusAsync()).Header.MemberId;
    }

    /// <summary>Starts it and waits until it serves.</summary>
    public async Task StartAsync(params IEnumerable<string> flags)
    {
        await LaunchAsync(flags);
        await ReadyAsync();
    }

    /// <summary>Ends it as kill -9 does.</summary>
    public async Task KillAsync()
    {
        Process.Kill();
        await Process.ExitCodeAsync();
    }

    /// <summary>Asks it to end, and waits for that.</summary>
    public async Task TerminateAsync()
    {
        Process.Terminate();
        Assert.Equal(0, await Process.ExitCodeAsync());
    }

    public ValueTask DisposeAsync() => EndAsync();

    private async ValueTask EndAsync()
    {
        _client?.Dispose();
        _client = null;
        if (_process is not null)
            await _process.DisposeAsync();
        _process = null;
    }
}
