using Google.Protobuf;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Protocol;
using KvStore.Raft;
using KvStore.Server.Members;
using KvStore.Simulation.Members;
using KvStore.Simulation.Scheduling;
using KvStore.Storage.Disks.Simulated;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Tests.Members;

/// <summary>A whole member in virtual time, stepped by the test.</summary>
internal sealed class MemberOnOneThread : IDisposable
{
    public const string Path = "/data";

    public MemberOnOneThread(SimulatedDisk? disk = null, Func<MemberOptions, MemberOptions>? configure = null)
    {
        Disk = disk ?? new SimulatedDisk();
        Scheduler = new SimulatedScheduler(Time);
        var options = new MemberOptions
        {
            ClusterId = 1,
            MemberId = new NodeId(7),
            InitialMembers = [new Protocol.Member { ID = 7, Name = "one", PeerURLs = { "http://localhost:2380" } }],
            Incarnation = 1UL << 32,
            LogSegmentBytes = 12 << 10,
            ReserveBytes = 0,
        };
        Member = Member.Open(
            configure?.Invoke(options) ?? options, DataDirectory.Open(Disk, Path), Disk, Scheduler, MemberEvents.None, new SimulatedParts(isNativeIndex: false),
            new NoPeers());
        Member.Start();
    }

    public VirtualTime Time { get; } = new();

    public SimulatedScheduler Scheduler { get; }

    public SimulatedDisk Disk { get; }

    public Member Member { get; }

    public long Revision => Member.State.Store.CurrentRevision;

    /// <summary>Runs all loops until they rest; the clock stands still.</summary>
    public MemberOnOneThread Rest()
    {
        while (Scheduler.RunOne())
        {
        }
        return this;
    }

    /// <summary>Lets time pass, timers and loops running.</summary>
    public MemberOnOneThread RunFor(TimeSpan duration)
    {
        // In small steps: what a timer sets off may set the next one.
        var step = TimeSpan.FromMilliseconds(5);
        for (var elapsed = TimeSpan.Zero; elapsed < duration; elapsed += step)
        {
            Rest();
            Scheduler.Pause(step);
        }
        return Rest();
    }

    public Task<ApplyResult> Propose(CommandKind kind, IMessage request) => Member.Propose(kind, request.ToByteArray(), request);

    public MemberOnOneThread Put(string key, string value = "")
    {
        var outcome = Propose(CommandKind.Put, new PutRequest { Key = ByteString.CopyFromUtf8(key), Value = ByteString.CopyFromUtf8(value) });
        RunFor(TimeSpan.FromMilliseconds(10));
        Assert.True(outcome.IsCompletedSuccessfully);
        return this;
    }

    /// <summary>What a request that is over came to.</summary>
    public static ApplyResult ResultOf(Task<ApplyResult> outcome)
    {
        Assert.True(outcome.IsCompletedSuccessfully);
        return outcome.Result;
    }

    /// <summary>Why a request that is over failed; null when it did not.</summary>
    public static EtcdError? ErrorOf(Task outcome)
    {
        Assert.True(outcome.IsCompleted);
        return (outcome.Exception?.InnerException as EtcdException)?.Error;
    }

    public void Dispose()
    {
        Member.Stop();
        Member.Dispose();
    }

    private sealed class NoPeers : IPeerNetwork
    {
        public void Send(Message message)
        {
        }

        public void SetMembers(IReadOnlyList<Protocol.Member> members)
        {
        }

        public TimeSpan? ReachableFor(NodeId peer) => null;
    }
}
