using Google.Protobuf;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Tests.Support;
using KvStore.Protocol;

namespace KvStore.Mvcc.Tests.Members;

public class MemberTableTests
{
    private readonly TestMember _member = new();

    [Fact]
    public void Members_are_added_named_and_removed()
    {
        Apply(CommandKind.MemberAdd, Of(2, "http://two:2380"));
        Apply(CommandKind.MemberAdd, Of(1, "http://one:2380"));
        var named = new MemberAttributesRequest { ID = 1, Name = "one", ClientURLs = { "http://one:2379" }, DirectoryId = 77 };
        Apply(CommandKind.MemberAttributes, named);
        Apply(CommandKind.MemberPeerUrls, Of(2, "http://second:2380"));

        Assert.Equal(
            [new Member { ID = 1, Name = "one", PeerURLs = { "http://one:2380" }, ClientURLs = { "http://one:2379" } }, Of(2, "http://second:2380")],
            _member.Machine.Members.Members);
        Apply(CommandKind.MemberRemove, new Member { ID = 2 });
        Assert.Null(_member.Machine.Members.Find(2));
    }

    [Fact]
    public void The_directory_in_which_a_member_started_is_known_until_it_is_removed_and_a_start_without_one_changes_nothing()
    {
        Apply(CommandKind.MemberAdd, Of(1, "http://one:2380"));
        Assert.Equal(0u, _member.Machine.Members.DirectoryOf(1));

        Apply(CommandKind.MemberAttributes, new MemberAttributesRequest { ID = 1, DirectoryId = ulong.MaxValue });
        Apply(CommandKind.MemberAttributes, new MemberAttributesRequest { ID = 1, Name = "one" });
        Assert.Equal(ulong.MaxValue, _member.Machine.Members.DirectoryOf(1));

        Apply(CommandKind.MemberRemove, new Member { ID = 1 });
        Assert.Equal(0u, _member.Machine.Members.DirectoryOf(1));
    }

    [Fact]
    public void The_answer_lists_all_members_and_has_no_revision()
    {
        var response = Assert.IsType<MemberListResponse>(_member.Apply(CommandKind.MemberAdd, Of(1, "http://one:2380")).Response);

        Assert.Equal(0, response.Header.Revision);
        Assert.Single(response.Members);
    }

    [Fact]
    public void Ids_and_addresses_are_given_once_and_a_removed_id_never_comes_back()
    {
        Apply(CommandKind.MemberAdd, Of(1, "http://one:2380"));
        Apply(CommandKind.MemberAdd, Of(2, "http://two:2380"));
        Apply(CommandKind.MemberRemove, new Member { ID = 2 });

        Assert.Same(EtcdError.MemberExists, Refusal(CommandKind.MemberAdd, Of(1, "http://new:2380")));
        Assert.Same(EtcdError.PeerUrlsExist, Refusal(CommandKind.MemberAdd, Of(3, "http://one:2380")));
        Assert.Same(EtcdError.MemberNotFound, Refusal(CommandKind.MemberAdd, Of(2, "http://two:2380")));
        Assert.Same(EtcdError.MemberNotFound, Refusal(CommandKind.MemberRemove, new Member { ID = 2 }));
        Assert.Same(EtcdError.MemberNotFound, Refusal(CommandKind.MemberAttributes, new MemberAttributesRequest { ID = 9 }));
    }

    [Fact]
    public void Only_a_learner_is_promoted()
    {
        Apply(CommandKind.MemberAdd, new Member { ID = 1, IsLearner = true });

        Apply(CommandKind.MemberPromote, new Member { ID = 1 });

        Assert.False(_member.Machine.Members.Find(1)!.IsLearner);
        Assert.Same(EtcdError.MemberNotLearner, Refusal(CommandKind.MemberPromote, new Member { ID = 1 }));
    }

    private static Member Of(ulong id, string peerUrl) => new() { ID = id, PeerURLs = { peerUrl } };

    private void Apply(CommandKind kind, IMessage request) => Assert.Null(_member.Apply(kind, request).Error);

    private EtcdError Refusal(CommandKind kind, IMessage request) => Assert.IsType<EtcdError>(_member.Apply(kind, request).Error);
}
