using KvStore.Chaos.Checkers.Audits;
using KvStore.Chaos.History;
using KvStore.Protocol;
using Kind = KvStore.Chaos.History.ProcessChanged.Types.Kind;
using Role = KvStore.Chaos.History.Role;

namespace KvStore.Chaos.Tests.Checkers;

public sealed class AuditCheckerTests
{
    private static readonly Dictionary<string, Action<List<HistoryRecord>, Random>> All = new()
    {
        ["two members lead in one term"] = (records, random) =>
        {
            var leader = Pick(records, random, record => record.MemberObserved?.Role == Role.Leader).MemberObserved.Clone();
            leader.Member += "x";
            records.Add(new HistoryRecord { MemberObserved = leader });
        },
        ["a term goes back"] = (records, random) => Again(records, random, observed => observed.Term--),
        ["a revision goes back"] = (records, random) => Again(records, random, observed => observed.Revision--),
        ["an applied index goes back"] = (records, random) => Again(records, random, observed => observed.AppliedIndex--),
        ["a hash is another"] = (records, random) => Pick(records, random, record =>
            record.MemberHash is not null).MemberHash.Response.Hash ^= 1,
        ["a member gives no hash"] = (records, random) => Pick(records, random, record =>
            record.MemberHash is not null).MemberHash.Response = null,
        ["a member is compacted elsewhere"] = (records, random) => Pick(records, random, record =>
            record.MemberHash is not null).MemberHash.Response.CompactRevision++,
        ["a member does not come up"] = (records, random) =>
            records.Remove(Pick(records, random, record => record.ProcessChanged?.Kind == Kind.Ready
            && IsLast(records, record.ProcessChanged))),
        ["a member ends by itself while it starts"] = (records, random) =>
        {
            var ready = Pick(records, random, record => record.ProcessChanged?.Kind == Kind.Ready).ProcessChanged;
            (ready.Kind, ready.ExitCode) = (Kind.Exited, 1);
        },
    };

    public static TheoryData<string> Corruptions() => [.. All.Keys];

    [Theory]
    [MemberData(nameof(Corruptions))]
    public void A_history_is_rejected_in_which(string corruption)
    {
        for (int seed = 0; seed < 25; seed++)
        {
            var records = Valid(seed);
            All[corruption](records, new Random(seed));

            Assert.NotEqual(0, AuditChecker.Check(RunHistory.Of(records)).ViolationCount);
        }
    }

    [Fact]
    public void Ten_thousand_valid_histories_pass()
    {
        for (int seed = 0; seed < 10_000; seed++)
        {
            var result = AuditChecker.Check(RunHistory.Of(Valid(seed)));

            Assert.True(result.IsPassed,
                $"seed {seed}: {string.Join("\n", result.Violations.Select(v => v.Sentence).Concat(result.Undecided))}");
        }
    }

    [Fact]
    public void A_damaged_member_may_refuse_to_start()
    {
        var records = Valid(1);
        records.Insert(0, Change(1, "m9", Kind.Started));
        records[0].ProcessChanged.IsDamaged = true;
        records.Insert(1, Change(2, "m9", Kind.Exited));

        Assert.True(AuditChecker.Check(RunHistory.Of(records)).IsPassed);
    }

    [Fact]
    public void Without_hashes_nothing_is_said_of_them()
    {
        var records = Valid(1);
        records.RemoveAll(record => record.MemberHash is not null);

        Assert.NotEmpty(AuditChecker.Check(RunHistory.Of(records)).Undecided);
    }

    [Fact]
    public void Hashes_of_different_revisions_may_differ()
    {
        var records = Valid(1);
        records.Insert(records.Count - 1, new HistoryRecord
        {
            MemberHash = new MemberHash { At = 1, Member = "m1", Revision = 50,
                Response = new HashKVResponse { Hash = 5, CompactRevision = 2 } },
        });

        Assert.True(AuditChecker.Check(RunHistory.Of(records)).IsPassed);
    }

    private static List<HistoryRecord> Valid(int seed)
    {
        var random = new Random(seed);
        var records = new List<HistoryRecord>();
        var members = Enumerable.Range(1, 3).Select(number => new Member($"m{number}", (ulong)number)).ToArray();
        long at = 0;
        ulong term = 1, leader = 1;
        foreach (var member in members)
            Start(member);
        for (int step = random.Next(5, 25); step > 0; step--)
        {
            at += random.Next(1, 1000);
            if (random.Next(5) == 0)
                (term, leader) = (term + (ulong)random.Next(1, 3), (ulong)random.Next(1, 4));
            var member = members[random.Next(members.Length)];
            if (random.Next(6) == 0)
            {
                records.Add(Change(at, member.Name, Kind.Killed));
                at++;
                Start(member);
                continue;
            }
            Observe(member);
        }
        foreach (var member in members)
        {
            Observe(member);
            records.Add(new HistoryRecord { MemberHash = new MemberHash { At = ++at, Member = member.Name, Revision = 99,
                Response = new HashKVResponse { Hash = 77, CompactRevision = 12 } } });
        }
        records.Add(new HistoryRecord { RunEnded = new RunEnded { At = ++at } });
        return records;

        void Start(Member member)
        {
            records.Add(Change(at, member.Name, Kind.Started));
            records.Add(Change(++at, member.Name, Kind.Ready));
            // It applies its log again.
            member.Applied = Math.Max(1, member.Applied - random.Next(10));
        }

        void Observe(Member member)
        {
            member.Applied += random.Next(20);
            records.Add(new HistoryRecord
            {
                MemberObserved = new MemberObserved
                {
                    At = at, Member = member.Name, MemberId = member.Id, Term = term, Role = member.Id == leader ? Role.Leader
                        : Role.Follower, LeaderId = leader,
                    Revision = member.Applied + 1, AppliedIndex = (ulong)member.Applied + 3,
                },
            });
        }
    }

    private static HistoryRecord Change(long at, string member, Kind kind) =>
        new() { ProcessChanged = new ProcessChanged { At = at, Member = member, Kind = kind } };

    private static HistoryRecord Pick(List<HistoryRecord> records, Random random, Func<HistoryRecord, bool> isWanted)
    {
        var wanted = records.Where(isWanted).ToList();
        // Each member is observed at the end, so one of them as the leader unless the leader changed since; then any is made it.
        if (wanted.Count == 0)
        {
            wanted = [records.Last(record => record.MemberObserved is not null)];
            wanted[0].MemberObserved.Role = Role.Leader;
        }
        return wanted[random.Next(wanted.Count)];
    }

    private static bool IsLast(List<HistoryRecord> records, ProcessChanged change) =>
        !records.Exists(record => record.ProcessChanged is { } other && other.Member == change.Member && other.At > change.At);

    /// <summary>A member says once more what it said, but for a change.</summary>
    private static void Again(List<HistoryRecord> records, Random random, Action<MemberObserved> change)
    {
        var record = Pick(records, random, record => record.MemberObserved is not null);
        var again = record.Clone();
        change(again.MemberObserved);
        records.Insert(records.IndexOf(record) + 1, again);
    }

    private sealed class Member(string name, ulong id)
    {
        public string Name => name;

        public ulong Id => id;

        public long Applied { get; set; }
    }
}
