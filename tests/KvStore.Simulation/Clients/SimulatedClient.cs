using Google.Protobuf;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Tests.Model;
using KvStore.Protocol;
using KvStore.Simulation.Histories;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Simulation.Clients;

/// <summary>Asks one thing after another and holds each answer against the history.</summary>
internal sealed class SimulatedClient(AppliedHistory history, Random random, int seed, bool hasLongLeases, Trace trace)
{
    private readonly RandomRequests _requests = new(seed);

    /// <summary>Looks whether the answer came, and judges it.</summary>
    private Func<Member, bool>? _pending;

    public long OperationCount { get; private set; }

    public long UnknownCount { get; private set; }

    public bool IsWaiting => _pending is not null;

    /// <summary>Looks for the answer it waits for, or asks something new.</summary>
    public void Act(Member member, TimeSpan now, bool mayAsk)
    {
        if (_pending is null)
        {
            if (mayAsk)
                Ask(member, now);
            return;
        }
        if (_pending(member))
            _pending = null;
    }

    /// <summary>The member died: the outcome of what is under way stays unknown.</summary>
    public void Forget()
    {
        if (_pending is not null)
            UnknownCount++;
        _pending = null;
    }

    private void Ask(Member member, TimeSpan now)
    {
        int kind = random.Next(100);
        if (kind < 60)
            Change(member, NextChange());
        else if (kind < 80)
            ReadNow(member);
        else if (kind < 88)
            ReadThePast(member);
        else if (kind < 97)
            Renew(member, now);
        else
            Change(member, new AlarmRequest { Action = AlarmRequest.Types.AlarmAction.Deactivate, MemberID = member.Options.MemberId.Value, Alarm = AlarmType.Nospace });
    }

    private IMessage NextChange()
    {
        var request = _requests.NextChange(history.Model.Revision);
        // Values of some size let the log roll.
        if (request is PutRequest { IgnoreValue: false } put && random.Next(4) == 0)
            put.Value = ByteString.CopyFrom(new byte[random.Next(3000)]);
        if (request is LeaseGrantRequest grant)
            grant.TTL = hasLongLeases ? random.Next(310, 900) : random.Next(1, 30);
        return request;
    }

    private void Change(Member member, IMessage request)
    {
        int from = history.Count;
        byte[] payload = AppliedHistory.Encode(request);
        var outcome = member.ProposeAsync(KindOf(request), payload, request).AsTask();
        _pending = _ => IsOver(outcome, () => Check.Holds(history.Holds(from, payload, outcome.Result, null),
            $"{request} was acknowledged, but it is not in the log behind what was there when it was asked"),
            refusal => Check.Holds(IsBeforeTheLog(refusal) || history.Holds(from, payload, null, refusal),
                $"{request} was refused ({refusal.Text}), but the log does not say so"));
    }

    /// <summary>A linearizable read: it sees everything that was applied when it was asked, in whatever life.</summary>
    private void ReadNow(Member member)
    {
        var outcome = member.ReadIndexAsync();
        long floor = history.Model.Revision;
        var range = _requests.NextRange(floor);
        var txn = _requests.NextReadTxn(floor);
        _pending = member => IsOver(outcome, () =>
        {
            Check.Holds(member.State.Store.CurrentRevision >= floor, $"a linearizable read sees revision {member.State.Store.CurrentRevision} behind {floor}");
            Check.Holds(history.IsCaughtUp, "a linearizable read may begin before the log was replayed");
            Check.Equal(Outcome(() => history.Model.Range(range)), Outcome(() => member.State.Ranges.Range(range)), $"read {range}");
            Check.Equal(ModelOutcome(txn), Outcome(() => member.State.Txns.Read(txn)), $"read {txn}");
        }, refusal => Check.Holds(IsBeforeTheLog(refusal), $"a read was refused: {refusal.Text}"));
    }

    /// <summary>A serializable read of an old revision: the same whenever it is asked, until that is compacted.</summary>
    private void ReadThePast(Member member)
    {
        OperationCount++;
        long first = Math.Max(1, history.Model.Compacted), last = Math.Min(history.Model.Revision, member.State.Store.CurrentRevision);
        if (last < first)
            return;
        var range = _requests.NextRange(last);
        range.Revision = random.NextInt64(first, last + 1);
        Check.Equal(history.Model.Range(range).Kvs, member.State.Ranges.Range(range).Kvs, $"read of the past {range}");
    }

    private void Renew(Member member, TimeSpan now)
    {
        long id = history.Model.Leases.ElementAtOrDefault(random.Next(4));
        long incarnation = history.Leases.IncarnationOf(id);
        if (incarnation == 0)
            return;
        var outcome = member.Lessor.RenewAsync(new(id)).AsTask();
        _pending = _ => IsOver(outcome, () =>
        {
            trace.Add("renewed", id, outcome.Result);
            if (outcome.Result > 0)
                history.Leases.Renewed(id, incarnation, outcome.Result, now);
        }, refusal => Check.Holds(IsBeforeTheLog(refusal), $"a renewal was refused: {refusal.Text}"));
    }

    private bool IsOver(Task outcome, Action answered, Action<EtcdError> refused)
    {
        if (!outcome.IsCompleted)
            return false;
        OperationCount++;
        if (outcome.IsCompletedSuccessfully)
        {
            answered();
            trace.Add("answered", history.Count);
            return true;
        }
        if (outcome.Exception?.InnerException is not EtcdException refusal)
            throw new SimulationFailedException($"a client got no answer but {outcome.Exception?.InnerException}", outcome.Exception);
        if (IsUnknown(refusal.Error))
            UnknownCount++;
        refused(refusal.Error);
        trace.Add(refusal.Error.Text, history.Count);
        return true;
    }

    private static bool IsUnknown(EtcdError error) => error == EtcdError.Timeout || error == EtcdError.Stopped;

    private static bool IsBeforeTheLog(EtcdError error) =>
        IsUnknown(error) || error == EtcdError.NoSpace || error == EtcdError.NoLeader || error == EtcdError.TooManyRequests;

    private object? ModelOutcome(TxnRequest txn)
    {
        history.Model.Apply(txn);
        return (object?)history.Model.Response ?? history.Model.Error;
    }

    private static object Outcome(Func<IMessage> read)
    {
        try
        {
            return read();
        }
        catch (EtcdException refusal)
        {
            return refusal.Error;
        }
    }

    private static CommandKind KindOf(IMessage request) => request switch
    {
        PutRequest => CommandKind.Put,
        DeleteRangeRequest => CommandKind.DeleteRange,
        TxnRequest => CommandKind.Txn,
        CompactionRequest => CommandKind.Compaction,
        LeaseGrantRequest => CommandKind.LeaseGrant,
        LeaseRevokeRequest => CommandKind.LeaseRevoke,
        _ => CommandKind.Alarm,
    };
}
