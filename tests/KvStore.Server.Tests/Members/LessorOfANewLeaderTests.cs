using Google.Protobuf;
using KvStore.Mvcc;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.Leases;
using KvStore.Mvcc.Store;
using KvStore.Protocol;
using KvStore.Server.Members;
using KvStore.Simulation.Scheduling;
using KvStore.Storage.Disks.Simulated;
using KvStore.Storage.Values;

namespace KvStore.Server.Tests.Members;

public class LessorOfANewLeaderTests
{
    private static readonly TimeSpan ElectionTimeout = TimeSpan.FromSeconds(1);

    private readonly VirtualTime _time = new();
    private readonly StateMachine _machine = new(new MvccStore(new SortedKeyIndex(), MemoryValueStore.Create(new SimulatedDisk(), "/values")));
    private readonly Lessor _lessor;
    private int _revocations;

    public LessorOfANewLeaderTests() => _lessor = NewLessor(new LeaseClock(_machine.Leases));

    [Fact]
    public void A_renewal_that_it_has_not_applied_when_it_is_elected_counts()
    {
        Apply(CommandKind.LeaseGrant, new LeaseGrantRequest { ID = 1, TTL = 600 });
        Apply(CommandKind.LeaseCheckpoint, Left(5));
        _lessor.Promote(2, ElectionTimeout);

        _time.RunUntil(TimeSpan.FromSeconds(7));
        Assert.Equal(0, _revocations);
        Apply(CommandKind.LeaseCheckpoint, Left(0));
        _lessor.CaughtUp(2, ElectionTimeout);

        _time.RunUntil(TimeSpan.FromSeconds(607));
        Assert.Equal(0, _revocations);
        _time.RunUntil(TimeSpan.FromSeconds(609));
        Assert.Equal(1, _revocations);
    }

    [Fact]
    public void A_snapshot_that_is_in_force_only_after_the_election_brings_leases_that_end()
    {
        Apply(CommandKind.LeaseGrant, new LeaseGrantRequest { ID = 1, TTL = 5 });
        var lessor = NewLessor(new LeaseClock(new LeaseTable()));

        lessor.Promote(2, ElectionTimeout);
        lessor.Replace(_machine.Leases, ElectionTimeout);
        lessor.CaughtUp(2, ElectionTimeout);

        _time.RunUntil(TimeSpan.FromSeconds(5.9));
        Assert.Equal(0, _revocations);
        _time.RunUntil(TimeSpan.FromSeconds(7));
        Assert.Equal(1, _revocations);
    }

    private Lessor NewLessor(LeaseClock clock)
    {
        var lessor = new Lessor(clock, _time)
        {
            Revoke = (_, _, _) => _revocations++,
            Checkpoint = (_, _) => Task.CompletedTask,
            ConfirmLeadership = () => Task.CompletedTask,
        };
        lessor.Start(new SimulatedScheduler(_time));
        return lessor;
    }

    /// <summary>What is left of the lease; 0 is the whole, as after a renewal.</summary>
    private static LeaseRemaindersRequest Left(long seconds) => new() { Leases = { new LeaseRemainder { Id = 1, RemainingTtl = seconds } } };

    private void Apply(CommandKind kind, IMessage request)
    {
        ulong index = _machine.AppliedIndex + 1;
        Assert.Null(_machine.Apply(index, new Command(kind, 0, request.ToByteArray())).Error);
        _machine.CompleteEntry(index, 1);
    }
}
