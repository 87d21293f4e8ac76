using System.Globalization;
using System.Text;
using KvStore.Raft.Quorums;

namespace KvStore.Raft.Scenarios;

/// <summary>What majorities, single and joint, make of acknowledged indexes and of votes.</summary>
/// <remarks>Each result is computed in every way that must agree; one that does not is shown in the output.</remarks>
public sealed class QuorumScenario : IScenario
{
    public string Run(Directive directive)
    {
        var first = Config(directive, "cfg");
        var second = Config(directive, "cfgj");
        bool isJoint = directive.Find("cfgj") is not null;
        return directive.Command switch
        {
            "committed" => Committed(first, second, isJoint, new Known(Assign(directive, "idx"))),
            "vote" => Vote(first, second, isJoint, new Known(Assign(directive, "votes"))),
            _ => throw new ScenarioException($"unknown command: {directive.Command}"),
        };
    }

    private static string Committed(MajorityConfig first, MajorityConfig second, bool isJoint, Known acked)
    {
        var text = new StringBuilder();
        var joint = new JointConfig(first, second);
        ulong index = isJoint ? joint.CommittedIndex(acked) : first.CommittedIndex(acked);
        text.Append(Picture(isJoint ? joint.All : first.Voters, acked));
        if (isJoint)
        {
            Disagree(text, index, new JointConfig(second, first).CommittedIndex(acked), "via symmetry");
        }
        else
        {
            Disagree(text, index, CountedIndex(first, acked), "via alternative computation");
            Disagree(text, index, joint.CommittedIndex(acked), "via zero-joint quorum");
            Disagree(text, index, new JointConfig(first, first).CommittedIndex(acked), "via self-joint quorum");
            DisagreeWithLowered(text, first, acked, index);
        }
        return text.Append(Text(index)).ToString();
    }

    private static string Vote(MajorityConfig first, MajorityConfig second, bool isJoint, Known votes)
    {
        if (!isJoint)
            return $"Vote{first.VoteResult(votes)}";
        var result = new JointConfig(first, second).VoteResult(votes);
        var swapped = new JointConfig(second, first).VoteResult(votes);
        return swapped == result ? $"Vote{result}" : $"Vote{swapped} <-- via symmetry\nVote{result}";
    }

    // The obvious way: the largest acknowledged index that enough voters have.
    private static ulong CountedIndex(MajorityConfig config, Known acked)
    {
        if (config.Voters.IsEmpty)
            return ulong.MaxValue;
        var voters = config.Voters.ToList();
        return voters.Select(acked.AckedIndex)
            .Where(index => voters.Count(voter => acked.AckedIndex(voter) >= index) > voters.Count / 2)
            .DefaultIfEmpty(0ul)
            .Max();
    }

    // Whoever is below the committed index may be any amount below it.
    private static void DisagreeWithLowered(StringBuilder text, MajorityConfig config, Known acked, ulong index)
    {
        foreach (var voter in config.Voters.ToList())
        {
            ulong known = acked.AckedIndex(voter);
            if (known == 0 || known >= index)
                continue;
            string where = string.Create(CultureInfo.InvariantCulture, $"overlaying {voter.Value}->");
            Disagree(text, index, config.CommittedIndex(acked.With(voter, known - 1)), where + Text(known - 1));
            Disagree(text, index, config.CommittedIndex(acked.With(voter, 0)), where + "0");
        }
    }

    private static void Disagree(StringBuilder text, ulong index, ulong other, string how)
    {
        if (other != index)
            text.Append(Text(other)).Append(" <-- ").Append(how).Append('\n');
    }

    // A bar as long as there are voters with less:
    //        idx
    // x>     100    (id=1)
    // xx>    101    (id=2)
    // >       99    (id=3)
    private static string Picture(NodeSet voters, Known acked)
    {
        if (voters.IsEmpty)
            return "<empty majority quorum>";
        var text = new StringBuilder().Append(' ', voters.Count).Append("    idx\n");
        foreach (var voter in voters.ToList())
        {
            ulong index = acked.AckedIndex(voter);
            int bar = voters.ToList().Count(other => acked.AckedIndex(other) < index);
            if (acked.Contains(voter))
                text.Append('x', bar).Append('>').Append(' ', voters.Count - bar);
            else
                text.Append('?').Append(' ', voters.Count);
            text.Append(string.Create(CultureInfo.InvariantCulture, $" {index,5}    (id={voter.Value})\n"));
        }
        return text.ToString();
    }

    private static string Text(ulong index) =>
        index == ulong.MaxValue ? "∞" : index.ToString(CultureInfo.InvariantCulture);

    private static MajorityConfig Config(Directive directive, string key) => new(new NodeSet(Ids(directive, key)));

    private static IEnumerable<NodeId> Ids(Directive directive, string key) =>
        (directive.Find(key)?.Values ?? []).Where(value => value != "zero").Select(value => new NodeId(Argument.Number(value)));

    // Values belong to the voters in the order in which they are first named, in cfg and then in cfgj.
    private static Dictionary<NodeId, ulong> Assign(Directive directive, string key)
    {
        var voters = Ids(directive, "cfg").Concat(Ids(directive, "cfgj")).Distinct().ToList();
        var values = directive.Find(key)?.Values ?? [];
        if (voters.Count != values.Count)
            throw new ScenarioException($"error: mismatched input (explicit or _): {voters.Count} voters, {values.Count} values");
        return voters.Zip(values).Where(pair => pair.Second != "_").ToDictionary(pair => pair.First, pair => Value(pair.Second));
    }

    private static ulong Value(string text) => text switch
    {
        "y" => 2,
        "n" => 1,
        _ => Argument.Number(text),
    };

    private sealed class Known(Dictionary<NodeId, ulong> values) : IAckedIndexes, IVotes
    {
        public bool Contains(NodeId voter) => values.ContainsKey(voter);

        public ulong AckedIndex(NodeId voter) => values.GetValueOrDefault(voter);

        public bool? VoteOf(NodeId voter) => values.TryGetValue(voter, out ulong vote) ? vote != 1 : null;

        public Known With(NodeId voter, ulong index) => new(new Dictionary<NodeId, ulong>(values) { [voter] = index });
    }
}
