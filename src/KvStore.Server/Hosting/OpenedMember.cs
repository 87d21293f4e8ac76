using System.Security.Cryptography;
using KvStore.Raft;
using KvStore.Server.Cluster;
using KvStore.Server.Configuration;
using KvStore.Server.Logging;
using KvStore.Server.Members;
using KvStore.Server.Members.Scheduling;
using KvStore.Server.Peers;
using KvStore.Server.Peers.Calls;
using KvStore.Server.Telemetry;
using KvStore.Server.Tls;
using KvStore.Storage.Disks;
using KvStore.Storage.Wal;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Hosting;

/// <summary>A member whose data is open and whose way to its peers is made, before anything runs.</summary>
internal sealed record OpenedMember(Member Member, PeerNetwork Network, PeerCalls Calls, PeerTls? Tls) : IAsyncDisposable
{
    /// <exception cref="ConfigurationException">The flags contradict each other, or the cluster.</exception>
    public static async Task<OpenedMember> OpenAsync(ServerOptions options, ServerMetrics metrics, Action<string, Exception> onFault)
    {
        var tls = PeerTls.Load(options.PeerTls, options.InitialAdvertisePeerUrls.Concat(options.ListenPeerUrls).Select(url => url.Host));
        var disk = new RealDisk();
        var directory = DataDirectory.Open(disk, options.DataDirectory);
        var calls = new PeerCalls(tls, TimeProvider.System);
        PeerNetwork? network = null;
        try
        {
            var memberOptions = await MemberOptionsOf(options, directory, disk, calls);
            network = new PeerNetwork(new PeerTransportOptions
            {
                ClusterId = memberOptions.ClusterId,
                MemberId = memberOptions.MemberId,
                PeerUrls = [.. options.InitialAdvertisePeerUrls.Select(url => url.ToString())],
                DirectoryId = directory.IsNew ? memberOptions.Incarnation : directory.Id,
                OpenSnapshot = _ => throw new InvalidOperationException("the network opens snapshots by itself"),
                Tls = tls,
                SilenceTimeout = options.PeerSilenceTimeout,
            }, metrics);
            var events = EventsOf(metrics, network);
            var scheduler = new ThreadLoopScheduler(TimeProvider.System, onFault);
            var member = Member.Open(memberOptions, directory, disk, scheduler, events, new ProductionParts(options.ValueMemoryBytes), network);
            CheckOwner(options, member);
            network.Attach(member);
            return new OpenedMember(member, network, calls, tls);
        }
        catch
        {
            if (network is not null)
                await network.DisposeAsync();
            calls.Dispose();
            directory.Dispose();
            throw;
        }
    }

    /// <summary>For one that never ran.</summary>
    public async ValueTask DisposeAsync()
    {
        await Network.DisposeAsync();
        Calls.Dispose();
        Member.Dispose();
    }

    private static void CheckOwner(ServerOptions options, Member member)
    {
        try
        {
            DirectoryOwner.Check(options, new MemberId(member.Options.MemberId.Value), member.State.Members.Members);
        }
        catch
        {
            member.Dispose();
            throw;
        }
    }

    private static MemberEvents EventsOf(ServerMetrics metrics, PeerNetwork network) => new()
    {
        Written = metrics.RecordWalWrite,
        Synced = metrics.RecordWalFsync,
        AppliedSlowly = metrics.SlowApplies.Increment,
        Checkpointed = metrics.RecordCheckpoint,
        ProposalFailed = metrics.ProposalsFailed.Increment,
        ReadIndexSlow = metrics.SlowReadIndexes.Increment,
        ReadIndexFailed = metrics.ReadIndexesFailed.Increment,
        HeartbeatLate = late =>
        {
            metrics.HeartbeatSendFailures.Increment();
            Log.Warn("leader failed to send out heartbeat on time; took too long, leader is overloaded", ("exceeded-duration", late));
        },
        LeaseRenewed = metrics.LeasesRenewed.Increment,
        LeaseExpired = metrics.LeasesExpired.Increment,
        IndexCompactionStep = metrics.RecordIndexCompactionPause,
        ValueCompactionStep = metrics.RecordCompactionPause,
        Compacted = took => metrics.RecordCompaction(took, TimeProvider.System.GetUtcNow()),
        Applied = new ApplyMetrics(metrics).Count,
        Removed = () => network.NoteRemoved("the log says so"),
    };

    /// <summary>A new member is who the flags and the cluster say; an old one is who its log says.</summary>
    private static async Task<MemberOptions> MemberOptionsOf(ServerOptions options, DataDirectory directory, IDisk disk, PeerCalls calls)
    {
        var bootstrap = directory.IsNew ? await Bootstrap.DecideAsync(options, calls) : null;
        var (clusterId, memberId) = bootstrap is null
            ? IdentityIn(disk, directory)
            : (bootstrap.ClusterId.Value, new NodeId(bootstrap.Id.Value));
        return new MemberOptions
        {
            ClusterId = clusterId,
            MemberId = memberId,
            InitialMembers = bootstrap?.Members ?? [],
            IsJoining = bootstrap?.IsJoining ?? false,
            Incarnation = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))),
            HeartbeatInterval = options.HeartbeatInterval,
            ElectionTicks = options.ElectionTicks,
            PreVote = options.PreVote,
            CampaignsAtOnce = options.InitialElectionTickAdvance,
            WarningApplyDuration = options.WarningApplyDuration,
            SnapshotCount = options.SnapshotCount,
            CatchUpEntries = options.CatchUpEntries,
            QuotaBytes = options.QuotaBytes,
            MaxTxnOps = options.MaxTxnOps,
            MaxRequestBytes = options.MaxRequestBytes,
            ValueMemoryBytes = options.ValueMemoryBytes,
            WatchProgressInterval = options.WatchProgressNotifyInterval,
        };
    }

    private static (ulong ClusterId, NodeId MemberId) IdentityIn(IDisk disk, DataDirectory directory)
    {
        var identity = WriteAheadLog.ReadIdentity(disk, directory.Wal);
        return (identity.ClusterId, new NodeId(identity.MemberId));
    }
}
