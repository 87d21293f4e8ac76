using KvStore.Protocol;
using KvStore.Testing;

namespace KvStore.Crash.Tests.Clusters;

/// <summary>Members that run as processes of their own, on loopback, each with a directory of its own.</summary>
internal sealed class LiveCluster : IAsyncDisposable
{
    private const int MaxStarts = 5;

    private readonly TemporaryDirectory _directory = new();
    private readonly List<ClusterMember> _members = [];

    private LiveCluster(IEnumerable<string> flags) => Flags = [.. flags];

    /// <summary>What all its members are started with.</summary>
    public IReadOnlyList<string> Flags { get; }

    public IReadOnlyList<ClusterMember> Members => _members;

    public ClusterMember this[int index] => _members[index];

    /// <summary>The value of the flag for whoever starts from now on.</summary>
    public string InitialCluster => string.Join(',', _members.Select(member => member.InitialUrl));

    /// <summary>How long followers wait for their leader before they elect another, at least; the default's.</summary>
    public static TimeSpan ElectionTimeout { get; } = TimeSpan.FromSeconds(1);

    /// <summary>A flag for those who would be misled by an election that a busy machine brings about.</summary>
    public static string Steady { get; } = "--election-timeout=5000";

    /// <summary>Starts so many members and waits until all serve.</summary>
    public static Task<LiveCluster> StartAsync(int count, params IEnumerable<string> flags) => StartAsync(count, "http", flags);

    public static async Task<LiveCluster> StartAsync(int count, string peerScheme, IEnumerable<string> flags)
    {
        for (int start = 1; ; start++)
        {
            var cluster = new LiveCluster(flags);
            for (int i = 0; i < count; i++)
                cluster.Add(peerScheme);
            try
            {
                await cluster.StartAllAsync();
                return cluster;
            }
            catch (InvalidOperationException ended) when (start < MaxStarts && ended.Message.Contains("address already in use", StringComparison.OrdinalIgnoreCase))
            {
                // Somebody else took a port between our look and the member's bind.
                await cluster.DisposeAsync();
            }
            catch
            {
                await cluster.DisposeAsync();
                throw;
            }
        }
    }

    /// <summary>Names a further member, which is not started.</summary>
    public ClusterMember Add(string peerScheme = "http")
    {
        string name = $"m{_members.Count + 1}";
        var member = new ClusterMember(this, name, _directory.At(name), NewPeerUrl(peerScheme));
        _members.Add(member);
        return member;
    }

    /// <summary>An address where nobody listens yet.</summary>
    public static string NewPeerUrl(string scheme = "http") => $"{scheme}://127.0.0.1:{FreePort.Find()}";

    /// <summary>Names it no more to those who start from now on.</summary>
    public void Forget(ClusterMember member) => _members.Remove(member);

    /// <summary>Starts all that do not run, together.</summary>
    public async Task StartAllAsync(params IEnumerable<string> flags)
    {
        var resting = _members.Where(member => !member.IsRunning).ToArray();
        foreach (var member in resting)
            await member.LaunchAsync(flags);
        await Task.WhenAll(resting.Select(member => member.ReadyAsync()));
    }

    /// <summary>Waits until one of the running members leads and all of them know it.</summary>
    public async Task<ClusterMember> LeaderAsync()
    {
        ClusterMember? leader = null;
        await Until.HoldsAsync(async () =>
        {
            var running = _members.Where(member => member.IsRunning).ToArray();
            var known = await Task.WhenAll(running.Select(async member => (await member.Client.StatusAsync()).Leader));
            leader = known.Distinct().Count() == 1 ? running.FirstOrDefault(member => member.Id == known[0]) : null;
            return leader is not null;
        }, "all running members agree on a running leader");
        return leader!;
    }

    /// <summary>Those who run and do not lead.</summary>
    public async Task<ClusterMember[]> FollowersAsync()
    {
        var leader = await LeaderAsync();
        return [.. _members.Where(member => member.IsRunning && member != leader)];
    }

    /// <summary>Waits until all running members have applied the same, and asserts that they hold the same.</summary>
    public async Task AssertEqualAsync()
    {
        var running = _members.Where(member => member.IsRunning).ToArray();
        StatusResponse[] states = [];
        await Until.HoldsAsync(async () =>
        {
            states = await Task.WhenAll(running.Select(member => member.Client.StatusAsync()));
            return states.Select(state => (state.Header.Revision, state.RaftAppliedIndex)).Distinct().Count() == 1;
        }, "all running members have applied the same");
        long revision = states[0].Header.Revision;
        var hashes = await Task.WhenAll(running.Select(member => member.Client.HashKvAsync(revision)));
        Assert.Single(hashes.Select(hash => (hash.Hash, hash.CompactRevision)).Distinct());
        var leases = await Task.WhenAll(running.Select(async member =>
            string.Join(' ', (await member.Client.LeasesAsync()).Leases.Select(lease => lease.ID).Order())));
        Assert.Single(leases.Distinct());
        var alarms = await Task.WhenAll(running.Select(async member => (await member.Client.AlarmsAsync()).Alarms.ToString()));
        Assert.Single(alarms.Distinct());
        var members = await Task.WhenAll(running.Select(async member => (await member.Client.MembersAsync()).Members.ToString()));
        Assert.Single(members.Distinct());
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var member in _members)
            await member.DisposeAsync();
        _directory.Dispose();
    }
}
