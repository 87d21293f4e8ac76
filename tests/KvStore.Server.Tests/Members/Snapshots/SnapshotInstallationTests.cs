using KvStore.Server.Members.Snapshots;
using KvStore.Storage.Disks;
using KvStore.Storage.Disks.Simulated;
using KvStore.Testing;

namespace KvStore.Server.Tests.Members.Snapshots;

/// <summary>What a member is after a fault at any operation of its disk while it takes a snapshot in and installs it.</summary>
public sealed class SnapshotInstallationTests
{
    private const string Path = "/to";

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Power_lost_anywhere_leaves_the_old_state_or_the_new_one(bool isFaster, bool isKill)
    {
        using var from = Small("/from", isFaster);
        var body = SnapshotTransferTests.Body(from);
        var disk = new SimulatedDisk();
        using var to = SnapshotTransferTests.Open(Path, isFaster, disk);
        new RandomWork(5).Run(to, 40);
        to.TakeCheckpoint().Put("behind", "the checkpoint");
        (string old, string @new) = (to.Describe(), from.Describe());

        var cases = new List<(SimulatedDisk Disk, bool IsInstalled)>();
        bool isInstalled = false;
        int step = isFaster ? Lanes.Pick(fast: 11, readme: 3, @long: 1) : 1;
        disk.Faults = operation =>
        {
            lock (cases)
            {
                if (operation.Kind != DiskOperationKind.Read && operation.Number % step == 0)
                    cases.Add((disk.Copy(), isInstalled));
            }
            return DiskFault.None;
        };
        to.Receiver.Begin();
        foreach (byte[] chunk in body)
            to.Receiver.Write(chunk);
        to.Install(to.Stage());
        isInstalled = true;
        to.Put("after", "the installation");
        disk.Faults = null;
        string after = to.Describe();

        ulong seed = 0;
        int olds = 0, news = 0;
        foreach (var (copy, mustBeNew) in cases)
        {
            if (isKill)
                copy.Restart();
            else
                copy.PowerLoss(new SeededRandom(++seed));
            using var again = SnapshotTransferTests.Open(Path, isFaster, copy);
            string found = again.Describe();
            string[] expected = mustBeNew ? [@new, after] : [old, @new];
            Assert.True(expected.Contains(found), $"neither old nor new, seed {seed}, after {olds + news} cases:\n{found}");
            if (found == old)
                olds++;
            else
                news++;
            Assert.False(again.IsAnythingStaged());
            Assert.Single(again.Generations());
            // It goes on: once more a snapshot, over whatever was left.
            if ((olds + news) % 10 == 0)
            {
                again.Receiver.Begin();
                foreach (byte[] chunk in body)
                    again.Receiver.Write(chunk);
                if (found == old)
                    Assert.Equal(@new, again.Install(again.Stage()).Describe());
            }
        }
        Assert.True(olds > 10 && news > 0, $"{olds} old, {news} new");
        Figures.Report($"snapshots: {olds + news} {(isKill ? "kills" : "power cuts")} during an installation, {news} behind it");
    }

    [Theory]
    [InlineData(DiskFault.DiskFull)]
    [InlineData(DiskFault.IoError)]
    public void A_fault_while_receiving_fails_cleanly_and_gives_the_space_back(DiskFault fault)
    {
        using var from = Small("/from", isFaster: false);
        var body = SnapshotTransferTests.Body(from);
        int failures = 0;
        for (long at = 1; ; at++)
        {
            var disk = new SimulatedDisk();
            using var to = SnapshotTransferTests.Open(Path, isFaster: false, disk);
            string before = to.Put("own", "value").TakeCheckpoint().Describe();
            long used = disk.UsedBytes;
            disk.FailAt(disk.Operations + at, fault);
            StagedSnapshot? staged = null;
            try
            {
                to.Receiver.Begin();
                foreach (byte[] chunk in body)
                    to.Receiver.Write(chunk);
                staged = to.Stage();
            }
            catch (IOException)
            {
                failures++;
            }
            if (staged is not null)
                break;
            Assert.Null(to.Receiver.Head);
            Assert.Equal(before, to.Describe());
            Assert.True(disk.UsedBytes == used, $"{disk.UsedBytes} instead of {used} bytes after a fault at {at}");

            to.Receiver.Begin();
            foreach (byte[] chunk in body)
                to.Receiver.Write(chunk);
            Assert.Equal(from.Describe(), to.Install(to.Stage()).Describe());
        }
        Assert.True(failures > 5, $"{failures} faults");
    }

    [Theory]
    [InlineData(DiskFault.DiskFull)]
    [InlineData(DiskFault.IoError)]
    public void A_fault_while_installing_leaves_the_old_state_until_the_log_is_written(DiskFault fault)
    {
        using var from = Small("/from", isFaster: false);
        for (int at = 1; at <= 6; at++)
        {
            var disk = new SimulatedDisk();
            using var to = SnapshotTransferTests.Open(Path, isFaster: false, disk);
            string before = to.Put("own", "value").TakeCheckpoint().Describe();
            long used = disk.UsedBytes;
            using (var sender = from.Send())
            using (var staged = to.Receive(sender))
            {
                disk.FailAt(disk.Operations + at, fault);
                IOException? failure = null;
                to.Checkpointer.Install(staged, ended => failure = ended);
                to.RunLoops();
                Assert.NotNull(failure);
            }

            Assert.Equal(before, to.Describe());
            Assert.Equal(before, to.TakeCheckpoint().Describe());
            Assert.Null(to.Failure);
            Assert.Equal([0], to.Generations());
            using (var sender = from.Send())
                Assert.Equal(from.Describe(), to.Install(to.Receive(sender)).Describe());
        }
    }

    [Fact]
    public void A_snapshot_for_which_there_is_no_room_is_refused_at_once()
    {
        using var from = Small("/from", isFaster: false);
        var disk = new SimulatedDisk();
        using var to = SnapshotTransferTests.Open(Path, isFaster: false, disk);
        disk.CapacityBytes = disk.UsedBytes + 10_000;
        long before = disk.UsedBytes;
        to.Receiver.Begin();

        var refusal = Assert.Throws<DiskFullException>(() => to.Receiver.Write(SnapshotTransferTests.Body(from)[0]));

        Assert.Contains("no room in /to for a snapshot", refusal.Message);
        Assert.Equal(before, disk.UsedBytes);
    }

    [Fact]
    public void A_snapshot_that_turns_out_to_be_too_large_leaves_the_member_room_to_live()
    {
        using var from = SnapshotTransferTests.Filled("/from", isFaster: false);
        var disk = new SimulatedDisk();
        using var to = SnapshotTransferTests.Open(Path, isFaster: false, disk);
        disk.CapacityBytes = disk.UsedBytes + 1_000_000;
        long used = disk.UsedBytes;
        string before = to.Describe();

        using (var sender = from.Send())
            Assert.Throws<DiskFullException>(() => to.Receive(sender));

        Assert.Equal(used, disk.UsedBytes);
        Assert.Equal(before, to.Describe());
        to.Put("own", "value").TakeCheckpoint();
        Assert.Null(to.Failure);
    }

    [Fact]
    public void The_older_checkpoints_and_their_values_go_with_the_installation()
    {
        using var from = Small("/from", isFaster: true);
        using var to = SnapshotTransferTests.Open(Path, isFaster: true);
        to.Put("own", "value").TakeCheckpoint().Put("own", "other").TakeCheckpoint();

        for (int generation = 1; generation <= 3; generation++)
        {
            using (var sender = from.Put("more", "value").TakeCheckpoint().Send())
                to.Install(to.Receive(sender));

            Assert.Equal([generation], to.Generations());
            Assert.Equal(2, to.Disk.List(to.Directory.Checkpoints).Count);
            to.TakeCheckpoint().Put("again", "value").TakeCheckpoint();
            Assert.Equal([generation], to.Generations());
        }
    }

    [Fact]
    public void A_checkpoint_under_way_when_a_snapshot_is_installed_comes_to_nothing()
    {
        using var from = Small("/from", isFaster: false);
        using var to = SnapshotTransferTests.Open(Path, isFaster: false);
        to.Put("own", "value");
        int ended = 0;
        to.Checkpointer.Request(() => ended++);
        to.Checkpointer.Advance();
        Assert.True(to.Checkpointer.IsBusy);

        using (var sender = from.Send())
            to.Install(to.Receive(sender));

        Assert.Equal(1, ended);
        Assert.False(to.Checkpointer.IsBusy);
        Assert.Equal(2, to.Disk.List(to.Directory.Checkpoints).Count);
        string before = to.Describe();
        to.TakeCheckpoint();
        Assert.Equal(before, to.Describe());
    }

    [Fact]
    public void A_checkpoint_that_was_only_to_be_written_down_when_a_snapshot_was_installed_comes_to_nothing()
    {
        using var from = Small("/from", isFaster: false);
        using var to = SnapshotTransferTests.Open(Path, isFaster: false);
        to.Put("own", "value");
        int ended = 0;
        to.Checkpointer.Request(() => ended++);
        using var sender = from.Send();
        using var staged = to.Receive(sender);
        var machine = staged.Load(SnapshotTransferTests.Parts(isFaster: false), _ => false);
        // More often than it takes until its values are durable; the checkpoint loop does not run meanwhile.
        for (int i = 0; i < 100; i++)
            to.Checkpointer.Advance();
        to.Checkpointer.Install(staged, Assert.Null);
        to.RunLoops();
        to.Checkpointer.Replace(machine.Store.Values, machine.Store.Index);
        to.RunLoops();

        Assert.Equal(1, ended);
        Assert.Single(to.Disk.List(to.Directory.Checkpoints), name => name.EndsWith(".checkpoint"));
        machine.Store.Values.Dispose();
        machine.Store.Index.Dispose();
    }

    [Fact]
    public void A_snapshot_may_follow_another_that_is_not_in_force_yet()
    {
        using var from = Small("/from", isFaster: false);
        using var to = SnapshotTransferTests.Open(Path, isFaster: false);
        using var firstSender = from.Send();
        using var first = to.Receive(firstSender);
        from.Put("one", "more").TakeCheckpoint();
        using var secondSender = from.Send();
        using var second = to.Receive(secondSender);
        var states = new[] { first, second }.Select(staged => staged.Load(SnapshotTransferTests.Parts(isFaster: false), _ => false)).ToList();

        to.Checkpointer.Install(first, Assert.Null);
        to.Checkpointer.Install(second, Assert.Null);
        to.RunLoops();
        foreach (var state in states)
            to.Checkpointer.Replace(state.Store.Values, state.Store.Index);
        to.Checkpointer.Tidy();
        to.RunLoops();

        Assert.False(to.Checkpointer.IsBusy);
        using (var pin = to.Checkpointer.Pin())
            Assert.Equal(second.Manifest.AppliedIndex, pin!.Manifest.AppliedIndex);
        Assert.Single(to.Disk.List(to.Directory.Checkpoints), name => name.EndsWith(".checkpoint"));
        foreach (var state in states)
        {
            state.Store.Values.Dispose();
            state.Store.Index.Dispose();
        }
    }

    [Fact]
    public void A_transfer_out_of_the_values_that_an_installation_replaces_comes_to_its_end()
    {
        using var first = Small("/first", isFaster: true);
        using var to = Small(Path, isFaster: true);
        using var third = SnapshotTransferTests.Open("/third", isFaster: true);
        string sent = to.Describe();
        using (var sender = to.Send())
        {
            using (var other = first.Send())
                to.Install(to.Receive(other));
            Assert.Equal([0, 1], to.Generations());
            third.Install(third.Receive(sender));
        }

        Assert.Equal(sent, third.Describe());
        to.TakeCheckpoint();
        Assert.Equal([1], to.Generations());
    }

    [Fact]
    public void A_snapshot_that_the_log_contradicts_was_never_installed()
    {
        using var from = StoredMember.Open(new SimulatedDisk(), "/from", SnapshotTransferTests.Parts(isFaster: false), term: 2);
        from.Put("key", "of the new leader").TakeCheckpoint();
        var disk = new SimulatedDisk();
        string before;
        using (var to = SnapshotTransferTests.Open(Path, isFaster: false, disk))
        {
            // Longer than the snapshot, but of an older term: the log restarts behind the snapshot only with the mark.
            before = to.Put("key", "of the old leader").Put("key", "once more").TakeCheckpoint().Describe();
            using var sender = from.Send();
            using var staged = to.Receive(sender);
            to.Checkpointer.Install(staged, Assert.Null);
            to.RunLoops();
            Assert.Equal(2, disk.List("/to/checkpoints").Count(name => name.EndsWith(".checkpoint")));
            disk.Restart();
        }

        using var again = SnapshotTransferTests.Open(Path, isFaster: false, disk);

        Assert.Contains("installation was cut short", Assert.Single(again.Troubles));
        Assert.Equal(before, again.Describe());
        Assert.Equal([0], again.Generations());
        Assert.Equal(before, again.TakeCheckpoint().Describe());
    }

    [Fact]
    public void An_own_checkpoint_that_is_ahead_of_its_log_is_refused_but_not_deleted()
    {
        var disk = new SimulatedDisk();
        using (var member = SnapshotTransferTests.Open(Path, isFaster: false, disk))
        {
            var log = disk.List("/to/wal").ToDictionary(name => name, name => disk.BytesOf("/to/wal/" + name));
            member.Put("key", "value").TakeCheckpoint();
            disk.Restart();
            foreach (string name in disk.List("/to/wal"))
                disk.Delete("/to/wal/" + name);
            foreach (var (name, bytes) in log)
                disk.Place("/to/wal/" + name, bytes);
        }

        Assert.Throws<InvalidDataException>(() => SnapshotTransferTests.Open(Path, isFaster: false, disk));

        Assert.Contains(disk.List("/to/checkpoints"), name => name.EndsWith(".checkpoint"));
    }

    /// <summary>A state of little more than one chunk of each kind.</summary>
    private static StoredMember Small(string path, bool isFaster)
    {
        var member = SnapshotTransferTests.Open(path, isFaster);
        new RandomWork(21).Run(member, 120);
        return member.TakeCheckpoint();
    }
}
