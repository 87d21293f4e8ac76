using KvStore.Simulation.Members;
using KvStore.Storage.Disks.Simulated;

namespace KvStore.Simulation.Faults;

/// <summary>What goes wrong, when, and for how long.</summary>
internal sealed class Misfortunes(SimulatedCluster cluster)
{
    private readonly SeededRandom _random = cluster.Faults;
    private readonly SimulationPlan _plan = cluster.Plan;
    private readonly List<(int Weight, Action Strike)> _kinds = [];
    private int _weights;

    private bool IsOver => cluster.IsCalm || cluster.Counts.Misfortunes >= _plan.MisfortuneLimit;

    /// <summary>The first comes soon.</summary>
    public void Begin()
    {
        Add(_plan.CrashWeight, () => Pick()?.Crash("crash"));
        Add(_plan.MassCrashWeight, CrashMany);
        Add(_plan.DiskCrashWeight, () => CrashInDisk(Pick(), 20));
        Add(_plan.RestartWeight, () => Pick()?.Shutdown("restart"));
        Add(_plan.PauseWeight, Pause);
        Add(_plan.PartitionWeight, Partition);
        Add(_plan.OneWayCutWeight, CutOneWay);
        Add(_plan.RingWeight, CutToRing);
        Add(_plan.StormWeight, Storm);
        Add(_plan.DiskFullWeight, FillDisk);
        Add(_plan.SlowDiskWeight, SlowDisk);
        Add(_plan.TransferWeight, cluster.Operator.Transfer);
        Add(_plan.MemberChangeWeight, cluster.Operator.ChangeMembers);
        Add(_plan.SlowApplyWeight, SlowApply);
        Add(_plan.SlowWatchWeight, SlowWatch);
        Add(_plan.LongIdleWeight, () => cluster.Operator.Idle(TimeSpan.FromSeconds(_random.Between(1, 400))));
        if (_weights > 0)
            ScheduleNext();
    }

    /// <summary>A member's process ended: it comes again, soon or later.</summary>
    public void Died(SimulatedMember member)
    {
        int milliseconds = _random.Next(5) == 0 && !cluster.IsCalm ? _random.Between(1000, 10_000) : _random.Between(1, 800);
        cluster.Time.After(TimeSpan.FromMilliseconds(milliseconds), null, member.Start);
    }

    public void Started(SimulatedMember member)
    {
        if (!IsOver && _random.Next(100) < _plan.CrashAfterStart)
            CrashInDisk(member, 12);
    }

    public void Checkpointed(SimulatedMember member) => CrashSoon(member, _plan.CrashAfterCheckpoint);

    public void Elected(SimulatedMember member) => CrashSoon(member, _plan.CrashOfLeader);

    public void ChangedMembers(SimulatedMember member)
    {
        CrashSoon(member, _plan.CrashAfterChange);
        // The newest one, mostly the one that it is about, is late to apply it.
        if (!IsOver && _random.Next(100) < _plan.CrashAfterChange)
            SlowApply(cluster.Members[^1]);
    }

    public void SnapshotArrived(SimulatedMember member)
    {
        if (!IsOver && _random.Next(100) < _plan.CrashOnSnapshot)
            CrashInDisk(member, 12);
        if (!IsOver && _random.Next(100) < _plan.TransferOnSnapshot)
            TransferSoon();
        if (!IsOver && _plan.SlowApplyWeight > 0 && _random.Next(2) == 0)
            SlowApply(member);
        if (!IsOver && _plan.SlowWatchWeight > 0 && _random.Next(2) == 0)
            SlowWatch(member);
    }

    public void Deleted(SimulatedMember member)
    {
        if (!IsOver && _plan.CrashAfterDelete > 0 && _random.Next(100) < _plan.CrashAfterDelete)
            CrashInDisk(member, 4);
    }

    private void Add(int weight, Action strike)
    {
        if (weight == 0)
            return;
        _kinds.Add((weight, strike));
        _weights += weight;
    }

    private void ScheduleNext() => cluster.Time.After(_plan.MisfortuneInterval * (_random.Between(1, 2000) / 1000.0), null, Strike);

    private void Strike()
    {
        if (IsOver)
            return;
        cluster.Counts.Misfortunes++;
        int at = _random.Next(_weights);
        foreach (var (weight, strike) in _kinds)
        {
            at -= weight;
            if (at >= 0)
                continue;
            strike();
            break;
        }
        ScheduleNext();
    }

    /// <summary>The leader more often than the others.</summary>
    private SimulatedMember? Pick()
    {
        if (_random.Next(3) == 0 && cluster.Leader is { } leader)
            return leader;
        var up = cluster.Members.Where(member => member.IsUp).ToList();
        return up.Count == 0 ? null : up[_random.Next(up.Count)];
    }

    private TimeSpan SomeTime() =>
        TimeSpan.FromMilliseconds(_random.Next(4) == 0 ? _random.Between(2000, 6000) : _random.Between(50, 2000));

    private void CrashSoon(SimulatedMember member, int percent)
    {
        if (IsOver || _random.Next(100) >= percent)
            return;
        var process = member.Process;
        cluster.Time.After(TimeSpan.FromMilliseconds(_random.Next(60)), process, () =>
        {
            if (!IsOver)
                member.Crash("crash");
        });
    }

    private void TransferSoon() => cluster.Time.After(_plan.SyncTime * (_random.Next(200) / 100.0), null, () =>
    {
        if (!IsOver)
            cluster.Operator.Transfer();
    });

    private void CrashMany()
    {
        // Mostly the power of all of them: what is not synced is gone everywhere.
        bool isAll = _random.Next(2) == 0, isPowerLoss = _random.Next(4) > 0;
        foreach (var member in cluster.Members.Where(member => member.IsUp).ToList())
        {
            if (isAll || _random.Next(2) == 0)
                member.Crash("crash of many", isPowerLoss);
        }
    }

    private void CrashInDisk(SimulatedMember? member, int within) => member?.CrashInDisk(_random.Between(1, within));

    private void Pause()
    {
        if (Pick() is not { } member)
            return;
        cluster.Counts.Pauses++;
        cluster.Trace.Add("pause", member.Number);
        member.Process!.PausedUntil = cluster.Time.Now + SomeTime();
    }

    /// <summary>Halves, or one alone.</summary>
    private void Partition()
    {
        bool isOne = _random.Next(2) == 0;
        var alone = isOne ? Pick() : null;
        var left = cluster.Members.Where(member => isOne ? member == alone : _random.Next(2) == 0).ToHashSet();
        Cut((from, to) => left.Contains(from) != left.Contains(to));
    }

    private void CutOneWay()
    {
        if (Pick() is not { } member)
            return;
        int kind = _random.Next(3);
        Cut((from, to) => kind switch
        {
            0 => from == member,
            1 => to == member,
            _ => from == member && to.Number == member.Number % cluster.Members.Count + 1,
        });
    }

    private void CutToRing()
    {
        int count = cluster.Members.Count, reach = count / 4 + 1;
        Cut((from, to) =>
        {
            int distance = Math.Abs(from.Number - to.Number);
            return Math.Min(distance, count - distance) > reach || count == 3 && from.Number + to.Number == 4;
        });
    }

    private void Cut(Func<SimulatedMember, SimulatedMember, bool> isCut)
    {
        cluster.Counts.Partitions++;
        var cuts = (from one in cluster.Members from other in cluster.Members where one != other && isCut(one, other) select (one.Id, other.Id)).ToList();
        cluster.Trace.Add("cut", cuts.Count, (long)(cuts.FirstOrDefault().Item1.Value ^ cuts.FirstOrDefault().Item2.Value << 8));
        foreach (var (from, to) in cuts)
            cluster.Network.Cut(from, to);
        cluster.Time.After(SomeTime(), null, () =>
        {
            foreach (var (from, to) in cuts)
                cluster.Network.Mend(from, to);
        });
    }

    private void Storm()
    {
        cluster.Trace.Add("storm");
        cluster.Network.Storm(cluster.Time.Now + SomeTime());
    }

    /// <summary>Leaves little room or none; after some time somebody clears up.</summary>
    private void FillDisk()
    {
        if (Pick() is not { } member)
            return;
        cluster.Trace.Add("disk full", member.Number);
        cluster.Counts.FullDisks++;
        member.Disk.CapacityBytes = member.Disk.UsedBytes + _random.Next(3) * _random.Next(10_000);
        cluster.Time.After(SomeTime(), null, () => member.Disk.CapacityBytes = long.MaxValue);
    }

    private void SlowDisk()
    {
        if (Pick() is not { } member)
            return;
        cluster.Trace.Add("slow disk", member.Number);
        member.Slowness = _random.Between(5, 50);
        cluster.Time.After(SomeTime(), null, () => member.Slowness = 1);
    }

    private void SlowApply()
    {
        if (Pick() is { } member)
            SlowApply(member);
    }

    private void SlowApply(SimulatedMember member)
    {
        cluster.Trace.Add("slow to apply", member.Number);
        member.ApplyTime = TimeSpan.FromMilliseconds(_random.Between(500, 3000));
        cluster.Time.After(SomeTime(), null, () => member.ApplyTime = TimeSpan.Zero);
    }

    private void SlowWatch()
    {
        if (Pick() is { } member)
            SlowWatch(member);
    }

    private void SlowWatch(SimulatedMember member)
    {
        cluster.Trace.Add("slow to tell watches", member.Number);
        member.WatchTime = TimeSpan.FromMilliseconds(_random.Between(500, 3000));
        cluster.Time.After(SomeTime(), null, () => member.WatchTime = TimeSpan.Zero);
    }
}
