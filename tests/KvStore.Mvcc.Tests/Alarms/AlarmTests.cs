using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Tests.Support;
using KvStore.Protocol;
using static KvStore.Mvcc.Tests.Support.Build;
using static KvStore.Protocol.AlarmRequest.Types;

namespace KvStore.Mvcc.Tests.Alarms;

public class AlarmTests
{
    private readonly TestMember _member = new TestMember().Grant(5).Put("a", "1", lease: 5).Put("b");

    [Fact]
    public void An_alarm_is_listed_from_its_activation_to_its_deactivation()
    {
        Assert.Equal("7 Nospace", Alarm(AlarmAction.Activate, AlarmType.Nospace, member: 7));
        Assert.Equal("7 Nospace", Alarm(AlarmAction.Activate, AlarmType.Nospace, member: 7));
        Assert.Equal("3 Corrupt", Alarm(AlarmAction.Activate, AlarmType.Corrupt, member: 3));

        Assert.Equal("3 Corrupt, 7 Nospace", Alarm(AlarmAction.Get, AlarmType.None));
        Assert.Equal("7 Nospace", Alarm(AlarmAction.Get, AlarmType.Nospace));
        Assert.Equal("7 Nospace", Alarm(AlarmAction.Deactivate, AlarmType.Nospace, member: 7));
        Assert.Equal("3 Corrupt", Alarm(AlarmAction.Get, AlarmType.None));
    }

    [Fact]
    public void Deactivating_what_is_not_raised_answers_with_an_empty_list()
    {
        Assert.Equal("", Alarm(AlarmAction.Deactivate, AlarmType.Nospace, member: 7));
    }

    [Fact]
    public void Types_and_actions_that_mean_nothing_change_nothing()
    {
        Assert.Equal("", Alarm(AlarmAction.Activate, AlarmType.None, member: 7));
        Assert.Equal("", Alarm(AlarmAction.Activate, (AlarmType)7, member: 7));
        Assert.Equal("", Alarm((AlarmAction)9, AlarmType.Nospace, member: 7));
        Assert.Empty(_member.Machine.Alarms.Raised);
    }

    [Fact]
    public void Without_space_nothing_can_grow()
    {
        Alarm(AlarmAction.Activate, AlarmType.Nospace);

        Assert.Same(EtcdError.NoSpace, _member.Refusal(Put("c")));
        Assert.Same(EtcdError.NoSpace, _member.Refusal(new LeaseGrantRequest { ID = 6, TTL = 9 }));
        Assert.Same(EtcdError.NoSpace, _member.Refusal(Txn(Put("c"))));
        Assert.Same(EtcdError.NoSpace, _member.Refusal(Txn([], [Delete("a")], [Put("c")])));
        Assert.Same(EtcdError.NoSpace, _member.Refusal(Txn(Txn(Put("c")))));
    }

    [Fact]
    public void Without_space_reads_deletes_compaction_and_revocation_go_on_until_the_alarm_is_cleared()
    {
        Alarm(AlarmAction.Activate, AlarmType.Nospace);

        _member.Delete("b").Compact(3).Revoke(5);
        Assert.True(_member.Answer<TxnResponse>(Txn(Delete("a"), Range("a"))).Succeeded);
        Assert.Equal("", _member.All());

        Alarm(AlarmAction.Deactivate, AlarmType.Nospace);
        _member.Put("c");
    }

    [Fact]
    public void A_corrupt_cluster_changes_nothing_and_still_answers_ranges()
    {
        Alarm(AlarmAction.Activate, AlarmType.Nospace);
        Alarm(AlarmAction.Activate, AlarmType.Corrupt);

        Assert.Same(EtcdError.Corrupt, _member.Refusal(Put("c")));
        Assert.Same(EtcdError.Corrupt, _member.Refusal(Delete("a")));
        Assert.Same(EtcdError.Corrupt, _member.Refusal(Txn()));
        Assert.Same(EtcdError.Corrupt, _member.Refusal(new CompactionRequest { Revision = 2 }));
        Assert.Same(EtcdError.Corrupt, _member.Refusal(new LeaseGrantRequest { ID = 6, TTL = 9 }));
        Assert.Same(EtcdError.Corrupt, _member.Refusal(new LeaseRevokeRequest { ID = 5 }));
        Assert.Equal("a=1 c2 m2 v1 l5", _member.Get("a"));
    }

    private string Alarm(AlarmAction action, AlarmType type, ulong member = 1)
    {
        var response = _member.Answer<AlarmResponse>(new AlarmRequest { Action = action, Alarm = type, MemberID = member });
        Assert.Equal(_member.Revision, response.Header.Revision);
        return string.Join(", ", response.Alarms.Select(alarm => $"{alarm.MemberID} {alarm.Alarm}"));
    }
}
