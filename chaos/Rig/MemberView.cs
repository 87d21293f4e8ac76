using KvStore.Chaos.History;

namespace KvStore.Chaos.Rig;

/// <summary>What a member last said of itself.</summary>
internal sealed record MemberView
{
    public static MemberView None { get; } = new();

    public bool IsAnswering { get; init; }

    public Role Role { get; init; }

    public ulong MemberId { get; init; }

    /// <summary>The member that it takes for the leader; 0 for none.</summary>
    public ulong LeaderId { get; init; }

    public ulong Term { get; init; }

    public long Revision { get; init; }

    public ulong AppliedIndex { get; init; }

    public long SizeBytes { get; init; }

    public bool IsSameRole(MemberView other) => (Role, Term, LeaderId) == (other.Role, other.Term, other.LeaderId);
}
