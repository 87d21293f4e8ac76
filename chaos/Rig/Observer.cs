using System.Collections.Concurrent;
using System.Globalization;
using KvStore.Chaos.History;
using KvStore.Chaos.Traffic;
using KvStore.Grpc;
using KvStore.Protocol;
using Role = KvStore.Chaos.History.Role;

namespace KvStore.Chaos.Rig;

/// <summary>Asks every member a few times a second what it is, on a way of its own that no partition cuts.</summary>
internal sealed class Observer(ClusterRig rig) : IAsyncDisposable
{
    private const string SnapshotsSent = "etcd_network_snapshot_send_success";
    private const long RecordNanoseconds = 1_000_000_000;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MetricsInterval = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, MemberView> _views = [];
    private readonly ConcurrentDictionary<ulong, string> _leaders = [];
    private readonly ConcurrentDictionary<string, int> _readyProcesses = [];
    private readonly ConcurrentDictionary<string, long> _snapshots = [];
    private readonly CancellationTokenSource _lifetime = new();
    private readonly List<Task> _loops = [];
    private long _snapshotsSent;

    /// <summary>Terms in which a leader was seen.</summary>
    public int TermCount => _leaders.Count;

    /// <summary>By all members in all their lives.</summary>
    public long SnapshotCount => Interlocked.Read(ref _snapshotsSent);

    /// <summary>The member that leads in the latest term, as far as is known.</summary>
    public RigMember? Leader =>
        rig.Members.Where(member => ViewOf(member).Role == Role.Leader).MaxBy(member => ViewOf(member).Term);

    public long MaxRevision => rig.Members.Max(member => ViewOf(member).Revision);

    /// <summary>The process that the member is just now has answered, and that is recorded.</summary>
    public bool IsReady(RigMember member) =>
        member.ProcessId is var process and not 0 && _readyProcesses.GetValueOrDefault(member.Name) == process;

    public MemberView ViewOf(RigMember member) => _views.GetValueOrDefault(member.Name, MemberView.None);

    public void Start()
    {
        foreach (var member in rig.Members)
        {
            _loops.Add(ObserveAsync(member));
            _loops.Add(ScrapeAsync(member));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _lifetime.CancelAsync();
        await Task.WhenAll(_loops);
        _lifetime.Dispose();
    }

    private async Task ObserveAsync(RigMember member)
    {
        using var channel = GrpcChannel.ForAddress(member.ClientUrl, new GrpcChannelOptions { ConnectTimeout = Limit });
        using var pace = new PeriodicTimer(Interval);
        long lastRecordAt = 0;
        while (await TickAsync(pace))
        {
            int process = member.ProcessId;
            var view = await AskAsync(channel);
            var last = ViewOf(member);
            _views[member.Name] = view;
            if (view.Role == Role.Leader)
                _leaders.TryAdd(view.Term, member.Name);
            if (view.IsAnswering && process != 0 && process == member.ProcessId && !IsReady(member))
                RecordReady(member, process);
            // Each change, and a sign of life now and then.
            if (view.IsSameRole(last) && rig.Recorder.Now - lastRecordAt < RecordNanoseconds)
                continue;
            lastRecordAt = rig.Recorder.Now;
            Record(member, view, lastRecordAt);
        }
    }

    private void RecordReady(RigMember member, int process)
    {
        rig.Recorder.Write(new HistoryRecord
        {
            ProcessChanged = new ProcessChanged
            {
                At = rig.Recorder.Now, Member = member.Name, Kind = ProcessChanged.Types.Kind.Ready,
            },
        });
        _readyProcesses[member.Name] = process;
    }

    private static async Task<MemberView> AskAsync(GrpcChannel channel)
    {
        try
        {
            var options = new CallOptions(Deadline: DateTime.UtcNow + Limit);
            using var call = channel.AsyncUnaryCall(Rpcs.Status, null, options, new StatusRequest());
            var status = await call.ResponseAsync;
            return new MemberView
            {
                IsAnswering = true,
                Role = RoleOf(status),
                MemberId = status.Header.MemberId,
                LeaderId = status.Leader,
                Term = status.RaftTerm,
                Revision = status.Header.Revision,
                AppliedIndex = status.RaftAppliedIndex,
                SizeBytes = status.DbSize,
            };
        }
        catch (RpcException)
        {
            return MemberView.None;
        }
    }

    private static Role RoleOf(StatusResponse status) => status switch
    {
        { IsLearner: true } => Role.Learner,
        { Leader: 0 } => Role.Candidate,
        _ when status.Leader == status.Header.MemberId => Role.Leader,
        _ => Role.Follower,
    };

    private void Record(RigMember member, MemberView view, long at) =>
        rig.Recorder.Write(new HistoryRecord
        {
            MemberObserved = new MemberObserved
            {
                At = at,
                Member = member.Name,
                Role = view.Role,
                Term = view.Term,
                LeaderId = view.LeaderId,
                MemberId = view.MemberId,
                AppliedIndex = view.AppliedIndex,
                Revision = view.Revision,
                DbSize = view.SizeBytes,
                SnapshotsSent = _snapshots.GetValueOrDefault(member.Name),
            },
        });

    // A process counts from its start: what it has when it is gone is not lost to the sum.
    private async Task ScrapeAsync(RigMember member)
    {
        using var http = new HttpClient { Timeout = Limit };
        using var pace = new PeriodicTimer(MetricsInterval);
        long last = 0;
        while (await TickAsync(pace))
        {
            long count = await CountSnapshotsAsync(http, member);
            if (count < 0)
                continue;
            Interlocked.Add(ref _snapshotsSent, count >= last ? count - last : count);
            last = count;
            _snapshots[member.Name] = count;
        }
    }

    private static async Task<long> CountSnapshotsAsync(HttpClient http, RigMember member)
    {
        try
        {
            string metrics = await http.GetStringAsync(member.ClientUrl + "/metrics");
            return (long)metrics.Split('\n')
                .Where(line => line.StartsWith(SnapshotsSent, StringComparison.Ordinal) && line[SnapshotsSent.Length] is '{' or ' ')
                .Sum(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
        }
        catch (Exception silent) when (silent is HttpRequestException or OperationCanceledException)
        {
            return -1;
        }
    }

    private async Task<bool> TickAsync(PeriodicTimer pace)
    {
        try
        {
            return await pace.WaitForNextTickAsync(_lifetime.Token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
