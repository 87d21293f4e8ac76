using KvStore.Raft.Quorums;

namespace KvStore.Raft;

/// <summary>The configuration in force, the progress of everybody in it, and the votes of a running election.</summary>
internal sealed class ProgressTracker(int maxInflightMessages, ulong maxInflightBytes)
{
    private readonly Dictionary<NodeId, bool> _votes = [];
    private Progress[] _members = [];

    public ClusterConfig Config { get; private set; } = ClusterConfig.Empty;

    /// <summary>Everybody in the configuration, by ascending id.</summary>
    public ReadOnlySpan<Progress> Members => _members;

    /// <summary>The same for those who keep it.</summary>
    public IReadOnlyList<Progress> MemberList => _members;

    // Groups are small: a walk beats hashing.
    public Progress? Find(NodeId id)
    {
        foreach (var member in _members)
        {
            if (member.Id == id)
                return member;
        }
        return null;
    }

    /// <summary>
    /// Puts a configuration in force. Who stays keeps their progress; newcomers are probed from <paramref name="lastIndex"/>.
    /// </summary>
    /// <param name="renewed">Members that left and came back within one change: what was known of them no longer holds.</param>
    public void Switch(ClusterConfig config, IReadOnlySet<NodeId> renewed, ulong lastIndex)
    {
        var ids = new NodeSet([.. config.Voters.All.Ids, .. config.Learners.Ids]);
        var members = new Progress[ids.Count];
        for (int i = 0; i < members.Length; i++)
        {
            var id = ids.Ids[i];
            members[i] = (renewed.Contains(id) ? null : Find(id)) ?? NewProgress(id, lastIndex);
            members[i].IsLearner = config.Learners.Contains(id);
        }
        (Config, _members) = (config, members);
    }

    public void Clear() => (Config, _members) = (ClusterConfig.Empty, []);

    /// <summary>The last index that both majorities hold (thesis §3.5, §4.3).</summary>
    public ulong CommittedIndex() => Config.Voters.CommittedIndex(new MatchIndexes(this));

    public bool IsQuorumActive() => Config.Voters.VoteResult(new RecentlyActive(this)) == VoteResult.Won;

    public void ResetVotes() => _votes.Clear();

    /// <summary>Counts a vote; only the first one of each member does.</summary>
    public void RecordVote(NodeId id, bool granted) => _votes.TryAdd(id, granted);

    public bool HasVoted(NodeId id) => _votes.ContainsKey(id);

    public VoteResult TallyVotes() => Config.Voters.VoteResult(new RecordedVotes(_votes));

    private Progress NewProgress(NodeId id, ulong lastIndex) =>
        new(id, Math.Max(lastIndex, 1), maxInflightMessages, maxInflightBytes)
        {
            // Or the next check of the quorum would hold the newcomer's silence against the leader.
            IsRecentlyActive = true,
        };

    private readonly struct MatchIndexes(ProgressTracker tracker) : IAckedIndexes
    {
        public ulong AckedIndex(NodeId voter) => tracker.Find(voter)?.Match ?? 0;
    }

    private readonly struct RecentlyActive(ProgressTracker tracker) : IVotes
    {
        public bool? VoteOf(NodeId voter) => tracker.Find(voter)?.IsRecentlyActive;
    }

    private readonly struct RecordedVotes(Dictionary<NodeId, bool> votes) : IVotes
    {
        public bool? VoteOf(NodeId voter) => votes.TryGetValue(voter, out bool granted) ? granted : null;
    }
}
