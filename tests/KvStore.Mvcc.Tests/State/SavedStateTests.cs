using System.Buffers.Binary;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.Leases;
using KvStore.Mvcc.State;
using KvStore.Mvcc.Store;
using KvStore.Mvcc.Tests.Support;
using KvStore.Protocol;
using KvStore.Raft;
using KvStore.Storage;
using KvStore.Storage.Disks;
using static KvStore.Mvcc.Tests.Support.Build;

namespace KvStore.Mvcc.Tests.State;

public class SavedStateTests
{
    [Fact]
    public void A_member_comes_back_as_it_was()
    {
        var member = Filled();
        member.Machine.Configuration = new byte[] { 1, 2, 3 };

        var restarted = member.Restart();

        Assert.Equal(member.All(), restarted.All());
        Assert.Equal(member.All(revision: 4), restarted.All(revision: 4));
        Assert.Equal(member.Machine.Leases.List(), restarted.Machine.Leases.List());
        Assert.Equal(member.Machine.Leases.KeysOf(new(5)), restarted.Machine.Leases.KeysOf(new(5)));
        Assert.Equal(member.Machine.Alarms.Raised, restarted.Machine.Alarms.Raised);
        Assert.Equal(member.Machine.Members.Members, restarted.Machine.Members.Members);
        Assert.Equal((member.Machine.AppliedIndex, 1ul), (restarted.Machine.AppliedIndex, restarted.Machine.AppliedTerm));
        Assert.Equal(member.Machine.Store.CompactRevision, restarted.Machine.Store.CompactRevision);
        Assert.Equal(member.Machine.SaveState(), restarted.Machine.SaveState());
    }

    [Fact]
    public void A_member_that_came_back_goes_on_as_one_that_never_left()
    {
        var stayed = Filled();
        var restarted = Filled().Restart();

        foreach (var member in new[] { stayed, restarted })
        {
            member.Apply(new AlarmRequest { Action = AlarmRequest.Types.AlarmAction.Deactivate, MemberID = 7, Alarm = AlarmType.Nospace });
            member.Put("a", "9").Revoke(5).Delete("\0", "b").Compact(8).Clean();
        }

        Assert.Equal(stayed.All(), restarted.All());
        Assert.Equal(stayed.Machine.Hash.Compute(0), restarted.Machine.Hash.Compute(0));
        Assert.Equal(stayed.Machine.SaveState(), restarted.Machine.SaveState());
    }

    [Fact]
    public void Values_of_revisions_that_the_saved_state_does_not_reach_are_written_again()
    {
        var member = new TestMember().Put("a", "1");
        byte[] saved = member.Machine.SaveState();
        member.Put("b", "2").Delete("a");

        var machine = StateMachine.Load(saved, image =>
        {
            var index = new SortedKeyIndex();
            IndexRebuild.FromValues(index, member.Values, image.CurrentRevision);
            return new MvccStore(index, member.Values, image.CurrentRevision, image.CompactRevision);
        });

        Assert.Equal("a", Keys(machine.Ranges.Range(Range("\0", "\0"))));
        Assert.Equal(1ul, machine.AppliedIndex);
    }

    [Fact]
    public void A_damaged_saved_state_is_refused_wherever_it_is_damaged()
    {
        byte[] saved = Filled().Machine.SaveState();

        for (int i = 0; i < saved.Length; i++)
        {
            byte[] damaged = [.. saved];
            damaged[i] ^= 0x10;
            Assert.Throws<InvalidDataException>(() => StateImage.Decode(damaged));
            Assert.Throws<InvalidDataException>(() => StateImage.Decode(saved.AsSpan(0, i)));
        }
    }

    [Fact]
    public void Saved_states_of_older_formats_are_read_without_directories_and_of_the_first_without_the_grants_of_leases()
    {
        byte[] saved = new TestMember().Grant(5, ttl: 77).Machine.SaveState();
        const int GrantIndexAt = 16 + 4 * 8 + 4 + 8, DirectoriesAt = 4 + 4 + 4; // From the end: no directories, no configuration, the checksum.
        byte[] second = [.. saved[..^DirectoriesAt], .. saved[^(DirectoriesAt - 4)..]];
        byte[] first = [.. second[..GrantIndexAt], .. second[(GrantIndexAt + 8)..]];

        Assert.Equal([new Lease(new(5), 1, 77)], StateImage.Decode(Framed(second, format: 2)).Leases);
        Assert.Equal([new Lease(new(5), 0, 77)], StateImage.Decode(Framed(first, format: 1)).Leases);
    }

    private static byte[] Framed(byte[] bytes, byte format)
    {
        bytes[8] = format;
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), bytes.Length - 16 - 4);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(bytes.Length - 4), Crc32C.Of(bytes.AsSpan(0, bytes.Length - 4)));
        return bytes;
    }

    [Fact]
    public void A_saved_state_of_another_format_is_refused_with_its_number()
    {
        byte[] saved = new TestMember().Machine.SaveState();
        saved[8] = 4;

        Assert.Contains("format 4", Assert.Throws<InvalidDataException>(() => StateImage.Decode(saved)).Message);
    }

    [Fact]
    public void Entries_are_applied_in_their_order_and_no_command_that_is_unknown()
    {
        var machine = new TestMember().Machine;

        Assert.Throws<InvariantException>(() => machine.Apply(2, new Command(CommandKind.Txn, 0, default)));
        Assert.Throws<InvariantException>(() => machine.CompleteEntry(2, 1));
        machine.CompleteEntry(1, 1);
        Assert.Throws<InvalidDataException>(() => machine.Apply(2, new Command((CommandKind)200, 0, default)));
        // What an unknown command would have done is missing: nothing may follow.
        Assert.Throws<InvariantException>(() => machine.SaveState());
    }

    [Fact]
    public void A_write_that_meets_a_full_disk_is_tried_again_when_space_was_made()
    {
        int tries = 0;
        var member = new TestMember(waitForSpace: full => full.Message == "full");
        member.Values.BeforeWrite = () =>
        {
            if (++tries < 3)
                throw new DiskFullException("full");
        };

        member.Put("a", "1");

        Assert.Equal(3, tries);
        Assert.Equal("a=1 c2 m2 v1", member.All());
    }

    [Fact]
    public void A_command_that_a_full_disk_leaves_half_done_is_not_seen_and_nothing_follows()
    {
        var member = new TestMember().Put("a", "1");
        member.Values.BeforeWrite = () => throw new DiskFullException("full");

        Assert.Throws<DiskFullException>(() => member.Apply(Put("a", "2")));

        Assert.Equal("a=1 c2 m2 v1", member.All());
        Assert.Throws<InvariantException>(() => member.Apply(Put("b")));
    }

    private static TestMember Filled()
    {
        var member = new TestMember().Grant(5).Grant(-6, 1000).Put("a", "1").Put("b", "2", lease: 5).Delete("a").Put("a", "3");
        member.Put("c", lease: 5).Put("c", lease: -6).Delete("b").Put("d", lease: 5).Compact(4);
        member.Apply(CommandKind.MemberAdd, new Member { ID = 1, Name = "one", PeerURLs = { "http://one:2380" } });
        member.Apply(CommandKind.MemberAdd, new Member { ID = 2, PeerURLs = { "http://two:2380" } });
        member.Apply(CommandKind.MemberRemove, new Member { ID = 2 });
        member.Apply(new AlarmRequest { Action = AlarmRequest.Types.AlarmAction.Activate, MemberID = 7, Alarm = AlarmType.Nospace });
        return member.Checkpoint(-6, member.GrantIndexOf(-6), seconds: 12);
    }
}
