using Google.Protobuf;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Protocol;
using KvStore.Storage.Disks.Simulated;

namespace KvStore.Server.Tests.Members;

public class MemberTests
{
    private readonly SimulatedDisk _disk = new();

    [Fact]
    public void A_new_member_leads_at_once_and_knows_itself()
    {
        using var one = new MemberOnOneThread(_disk);

        one.Rest();

        Assert.True(one.Member.IsLeader);
        Assert.True(one.Member.LeaderKnown.IsCompletedSuccessfully);
        Assert.Equal("one", Assert.Single(one.Member.State.Members.Members).Name);
    }

    [Fact]
    public void With_the_flag_off_the_first_election_waits_for_its_timeout()
    {
        using var one = new MemberOnOneThread(_disk, options => options with { CampaignsAtOnce = false });

        one.Rest();
        Assert.False(one.Member.HasLeader);
        one.RunFor(TimeSpan.FromSeconds(2.1));

        Assert.True(one.Member.IsLeader);
    }

    [Fact]
    public void What_was_put_is_there_after_a_restart_and_the_term_is_a_later_one()
    {
        ulong term;
        using (var one = new MemberOnOneThread(_disk))
        {
            one.Put("a", "1").Put("b", "2");
            term = one.Member.Leadership.Term;
        }

        using var again = new MemberOnOneThread(_disk);
        again.Rest();

        Assert.Equal(3, again.Revision);
        Assert.True(again.Member.Leadership.Term > term);
    }

    [Fact]
    public void A_member_of_the_disk_of_another_process_is_not_opened_twice()
    {
        using var one = new MemberOnOneThread(_disk);

        Assert.Throws<KvStore.Server.Members.DataDirectoryException>(() => new MemberOnOneThread(_disk));
    }

    [Fact]
    public void A_request_and_a_read_wait_for_the_first_leader()
    {
        using var one = new MemberOnOneThread(_disk, options => options with { CampaignsAtOnce = false, ElectionTicks = 1000 });
        one.RunFor(TimeSpan.FromSeconds(90));
        var put = one.Propose(CommandKind.Put, new PutRequest { Key = ByteString.CopyFromUtf8("a") });
        var read = one.Member.ReadIndexAsync();

        // They may wait for five seconds and two elections of a hundred; the election comes after one or two.
        one.RunFor(TimeSpan.FromSeconds(5));
        Assert.False(put.IsCompleted);
        Assert.False(read.IsCompleted);
        one.RunFor(TimeSpan.FromSeconds(110));

        Assert.True(put.IsCompletedSuccessfully);
        Assert.True(read.IsCompletedSuccessfully);
    }

    [Fact]
    public void Requests_that_a_full_disk_holds_up_time_out_and_the_read_beside_them_does_not_wait()
    {
        using var one = new MemberOnOneThread(_disk);
        one.Put("a");
        _disk.CapacityBytes = _disk.UsedBytes;
        var puts = Enumerable.Range(0, 20).Select(_ => PutLarge(one)).ToList();
        one.RunFor(TimeSpan.FromSeconds(1));

        var read = one.Member.ReadIndexAsync();
        one.Rest();
        Assert.True(read.IsCompletedSuccessfully);
        Assert.Contains(puts, put => !put.IsCompleted);

        one.RunFor(TimeSpan.FromSeconds(8));
        Assert.All(puts, put => Assert.True(put.IsCompleted));
        Assert.Contains(puts, put => MemberOnOneThread.ErrorOf(put) == EtcdError.Timeout);
    }

    [Fact]
    public void A_full_disk_raises_the_alarm_and_once_there_is_room_and_it_is_disarmed_puts_go_on()
    {
        using var one = new MemberOnOneThread(_disk, options => options with { ReserveBytes = 32 << 10 });
        one.Put("a");
        _disk.CapacityBytes = _disk.UsedBytes;
        for (int i = 0; i < 20; i++)
        {
            PutLarge(one);
            one.RunFor(TimeSpan.FromMilliseconds(50));
        }

        one.RunFor(TimeSpan.FromSeconds(1));
        Assert.True(one.Member.State.Alarms.IsNoSpace);

        _disk.CapacityBytes = long.MaxValue;
        one.RunFor(TimeSpan.FromSeconds(2));
        one.Propose(CommandKind.Alarm, new AlarmRequest
        {
            Action = AlarmRequest.Types.AlarmAction.Deactivate,
            MemberID = one.Member.Options.MemberId.Value,
            Alarm = AlarmType.Nospace,
        });
        one.Rest().Put("b");
        Assert.Equal(32 << 10, _disk.BytesOf(MemberOnOneThread.Path + "/reserve").Length);
    }

    [Fact]
    public void A_value_that_finds_no_room_waits_for_it_without_holding_up_the_log()
    {
        using var one = new MemberOnOneThread(_disk);
        one.Put("a").RunFor(TimeSpan.FromSeconds(1));
        _disk.CapacityBytes = _disk.UsedBytes;
        var timer = one.Time.CreateTimer(_ => _disk.CapacityBytes = long.MaxValue, null, TimeSpan.FromSeconds(3), Timeout.InfiniteTimeSpan);

        var put = one.Propose(CommandKind.Put, new PutRequest { Key = ByteString.CopyFromUtf8("b"), Value = ByteString.CopyFromUtf8("x") });
        one.RunFor(TimeSpan.FromSeconds(4));

        Assert.True(put.IsCompletedSuccessfully);
        Assert.Equal(3, one.Revision);
        timer.Dispose();
    }

    [Fact]
    public void After_a_stop_nothing_waits_for_an_answer_for_ever()
    {
        var one = new MemberOnOneThread(_disk);
        one.Rest();
        var before = one.Propose(CommandKind.Put, new PutRequest { Key = ByteString.CopyFromUtf8("a") });

        one.Member.Stop();
        var after = one.Propose(CommandKind.Put, new PutRequest { Key = ByteString.CopyFromUtf8("a") });
        var read = one.Member.ReadIndexAsync();

        foreach (Task task in new[] { before, after, read })
            Assert.Equal(EtcdError.Stopped, MemberOnOneThread.ErrorOf(task));
        one.Member.Dispose();
    }

    [Fact]
    public void Checkpoints_let_the_log_be_cut_and_two_of_them_are_kept()
    {
        using var one = new MemberOnOneThread(_disk, options => options with { SnapshotCount = 5 });
        for (int i = 0; i < 60; i++)
            one.Put("a", new string('x', 2000));
        one.RunFor(TimeSpan.FromSeconds(1));

        Assert.Equal(2, _disk.List(MemberOnOneThread.Path + "/checkpoints").Count(name => name.EndsWith(".checkpoint", StringComparison.Ordinal)));
        // Each put was synced alone and took a page of the log.
        Assert.True(one.Member.LogBytes < 60 * 4096, $"the log has {one.Member.LogBytes} bytes");
    }

    [Fact]
    public void A_damaged_newest_checkpoint_is_passed_over_for_the_one_before_it()
    {
        using (var one = new MemberOnOneThread(_disk, options => options with { SnapshotCount = 5 }))
        {
            for (int i = 0; i < 40; i++)
                one.Put("a", $"{i}");
        }
        string newest = _disk.List(MemberOnOneThread.Path + "/checkpoints").Last(name => name.EndsWith(".checkpoint", StringComparison.Ordinal));
        _disk.FlipBit($"{MemberOnOneThread.Path}/checkpoints/{newest}", 60, 3);

        using var again = new MemberOnOneThread(_disk);
        again.Rest();

        Assert.Equal(41, again.Revision);
    }

    [Fact]
    public void A_checkpoint_that_is_asked_for_is_taken_though_none_is_due()
    {
        using var one = new MemberOnOneThread(_disk);
        one.Put("a");

        var taken = one.Member.CheckpointAsync();
        one.RunFor(TimeSpan.FromSeconds(1));

        Assert.True(taken.IsCompletedSuccessfully);
        Assert.Contains(_disk.List(MemberOnOneThread.Path + "/checkpoints"), name => name.EndsWith(".checkpoint", StringComparison.Ordinal));
    }

    [Fact]
    public void Another_checkpoint_is_taken_when_the_newest_proves_damaged_while_it_is_sent()
    {
        using var one = new MemberOnOneThread(_disk);
        one.Put("a");
        one.Member.CheckpointAsync();
        one.RunFor(TimeSpan.FromSeconds(1));
        string folder = MemberOnOneThread.Path + "/checkpoints";
        string index = _disk.List(folder).Single(name => name.EndsWith(".index", StringComparison.Ordinal));
        // The end belongs to a block, not to the head, which is read before anything is sent.
        _disk.FlipBit($"{folder}/{index}", _disk.BytesOf($"{folder}/{index}").Length - 1, 3);

        using (var sender = one.Member.OpenSnapshot(default)!)
        {
            Assert.Throws<InvalidDataException>(() =>
            {
                while (sender.TryReadChunk(out _))
                {
                }
            });
        }
        one.RunFor(TimeSpan.FromSeconds(1));

        using var again = one.Member.OpenSnapshot(default)!;
        while (again.TryReadChunk(out _))
        {
        }
    }

    [Fact]
    public void A_checkpoint_on_a_full_disk_is_given_up_and_a_later_one_succeeds()
    {
        using var one = new MemberOnOneThread(_disk, options => options with { QuotaBytes = null });
        one.Put("a", "1");
        _disk.CapacityBytes = _disk.UsedBytes;
        var failed = one.Member.CheckpointAsync();
        one.RunFor(TimeSpan.FromSeconds(1));
        Assert.True(failed.IsCompletedSuccessfully);

        _disk.CapacityBytes = long.MaxValue;
        one.Member.CheckpointAsync();
        one.RunFor(TimeSpan.FromSeconds(1));

        Assert.Contains(_disk.List(MemberOnOneThread.Path + "/checkpoints"), name => name.EndsWith(".checkpoint", StringComparison.Ordinal));
    }

    [Fact]
    public void A_compaction_during_a_checkpoint_takes_nothing_from_what_is_saved()
    {
        using (var one = new MemberOnOneThread(_disk))
        {
            one.Put("a", "1").Put("a", "2");
            one.Member.CheckpointAsync();
            // The checkpoint has begun at revision 3 and is not yet saved when 4 is written and everything before it compacted.
            while (one.Scheduler.RunOne())
            {
            }
            var put = one.Propose(CommandKind.Put, new PutRequest { Key = ByteString.CopyFromUtf8("a"), Value = ByteString.CopyFromUtf8("3") });
            var compaction = one.Propose(CommandKind.Compaction, new CompactionRequest { Revision = 4 });
            one.Rest();
            Assert.True(put.IsCompletedSuccessfully && compaction.IsCompletedSuccessfully);
            one.RunFor(TimeSpan.FromSeconds(1));
        }
        _disk.Restart();

        using var again = new MemberOnOneThread(_disk);
        again.Rest();

        var kv = Assert.Single(again.Member.State.Ranges.Range(new RangeRequest { Key = ByteString.CopyFromUtf8("a") }).Kvs);
        Assert.Equal((2L, 4L, 3L, "3"), (kv.CreateRevision, kv.ModRevision, kv.Version, kv.Value.ToStringUtf8()));
    }

    [Fact]
    public void A_failed_sync_ends_the_member_and_nothing_is_acknowledged()
    {
        var one = new MemberOnOneThread(_disk);
        one.Put("a");
        _disk.Faults = operation => operation.Kind == DiskOperationKind.Sync ? DiskFault.IoError : DiskFault.None;

        var put = one.Propose(CommandKind.Put, new PutRequest { Key = ByteString.CopyFromUtf8("b") });

        Assert.Throws<KvStore.Storage.Wal.WalException>(() => one.Rest());
        Assert.False(put.IsCompleted);
    }

    [Fact]
    public void Over_its_quota_the_member_raises_the_alarm_and_refuses_puts_but_not_deletes()
    {
        using var one = new MemberOnOneThread(_disk, options => options with { QuotaBytes = 4000 });
        one.Put("a", new string('x', 3000));
        var put = new PutRequest { Key = ByteString.CopyFromUtf8("b"), Value = ByteString.CopyFromUtf8(new string('x', 3000)) };

        var refused = one.Member.ProposeAsync(CommandKind.Put, put.ToByteArray(), put).AsTask();
        one.Rest();

        Assert.Equal(EtcdError.NoSpace, MemberOnOneThread.ErrorOf(refused));
        Assert.True(one.Member.State.Alarms.IsNoSpace);
        var delete = one.Propose(CommandKind.DeleteRange, new DeleteRangeRequest { Key = ByteString.CopyFromUtf8("a") });
        one.Rest();
        Assert.Null(MemberOnOneThread.ResultOf(delete).Error);
    }

    private static Task PutLarge(MemberOnOneThread one) => one.Propose(
        CommandKind.Put, new PutRequest { Key = ByteString.CopyFromUtf8("k"), Value = ByteString.CopyFrom(new byte[2000]) });
}
