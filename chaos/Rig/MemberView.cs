using KvStore.Chaos.History;

namespace KvStore.Chaos.Rig;

/// <summary>What a member last said of itself.</summary>
internal sealed record MemberView(bool IsAnswering, Role Role, ulong MemberId, ulong LeaderId, ulong Term, long Revision, ulong AppliedIndex)
{
    public static MemberView None { get; } = new(false, Role.Unknown, 0, 0, 0, 0, 0);
}
