using Google.Protobuf;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Tests.Model;
using KvStore.Protocol;
using KvStore.Simulation.Histories;
using KvStore.Simulation.Members;
using KvStore.Simulation.Scheduling;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Simulation.Clients;

/// <summary>Asks one thing after another, each of some member, and holds each answer against the history.</summary>
internal sealed class SimulatedClient(SimulatedCluster cluster, int number)
{
    private static readonly TimeSpan DeposedInterval = TimeSpan.FromMilliseconds(20);

    private readonly RandomRequests _requests = new(unchecked(cluster.Plan.Seed * 31 + number));
    private readonly List<RequestId> _refused = [];
    private readonly AppliedHistory _history = cluster.History;
    private readonly Random _random = cluster.Random;
    private long _lastId = (long)number << 32;
    private int _askedCount;
    private bool _asksDeposed;
    private long _given;

    public long OperationCount { get; private set; }

    public long UnknownCount { get; private set; }

    /// <summary>Whether it has asked something and has no answer yet.</summary>
    public bool IsWaiting => _askedCount > 0 || _asksDeposed;

    /// <summary>Asks as long as the world is not calm.</summary>
    public async Task RunAsync()
    {
        while (!cluster.IsCalm)
        {
            await cluster.Time.Delay(cluster.Plan.ThinkTime * 2 * _random.NextDouble());
            if (cluster.IsCalm || cluster.Time.Now < cluster.Operator.IdleUntil || cluster.PickServing() is not { } serving)
                continue;
            _askedCount++;
            var answered = cluster.GuardAsync(AskAndCountAsync(serving));
            if (_askedCount >= cluster.Plan.RequestsAtOnce)
                await answered;
        }
    }

    /// <summary>Asks each leader that is deposed and does not know it yet for what it must not do any more, while there is time: right
    /// then, whatever else is waited for.</summary>
    public async Task AskDeposedAsync()
    {
        while (!cluster.IsCalm)
        {
            await cluster.Time.Delay(DeposedInterval * 2 * _random.NextDouble());
            if (cluster.IsCalm || Leaders().Count() < 2)
                continue;
            _asksDeposed = true;
            await RenewAsync(Deposed()!, isPassedOn: false);
            _asksDeposed = false;
        }
    }

    private async Task AskAndCountAsync(SimulatedMember serving)
    {
        await AskAsync(serving);
        _askedCount--;
    }

    /// <summary>What was refused before it reached the log must never be applied.</summary>
    public void CheckRefused()
    {
        foreach (var refused in _refused)
            Check.Holds(!_history.Holds(refused), "a request was refused as never proposed, and was applied all the same");
    }

    private Task AskAsync(SimulatedMember serving)
    {
        int kind = _random.Next(100);
        if (kind < 60)
            return ChangeAsync(serving, NextChange());
        if (kind < 75)
            return ReadNowAsync(serving);
        if (kind < 82)
            return ReadAtOnceAsync(serving);
        if (kind < 88)
            return ReadThePastAsync(serving);
        if (kind < 97)
            return RenewAsync(serving);
        return ChangeAsync(serving, new AlarmRequest
        {
            Action = AlarmRequest.Types.AlarmAction.Deactivate,
            MemberID = serving.Id.Value,
            Alarm = AlarmType.Nospace,
        });
    }

    private IMessage NextChange()
    {
        if (_random.Next(100) < cluster.Plan.Compactions)
            return new CompactionRequest { Revision = _history.Model.Revision };
        var request = TakeAnew() ?? _requests.NextChange(_history.Model.Revision);
        // Values of some size let the log roll.
        if (request is PutRequest { IgnoreValue: false } put && _random.Next(4) == 0)
        {
            // Not of zeros: what is left of them on a disk would look like what was never written.
            var value = new byte[_random.Next(cluster.Plan.ValueBytes)];
            _random.NextBytes(value);
            put.Value = ByteString.CopyFrom(value);
        }
        if (request is LeaseGrantRequest grant)
            grant.TTL = cluster.Plan.HasLongLeases ? _random.Next(310, 900) : _random.Next(2, 8);
        _given = request is LeaseRevokeRequest revoke ? revoke.ID : 0;
        return request;
    }

    /// <summary>Whoever gives a lease up likes to take one of the same id: it is another.</summary>
    private LeaseGrantRequest? TakeAnew() => _given != 0 && _random.Next(4) > 0 ? new LeaseGrantRequest { ID = _given } : null;

    /// <summary>Asks for a change; also a last time, once all is calm.</summary>
    public async Task ChangeAsync(SimulatedMember serving, IMessage request)
    {
        int from = _history.Count;
        var id = new RequestId(++_lastId);
        var payload = id.Encode(request);
        var outcome = await CallAsync(serving, member => member.ProposeAsync(KindOf(request), payload, request).AsTask());
        if (outcome is null)
            return;
        if (RefusalOf(outcome) is not { } refusal)
        {
            Check.Holds(_history.Holds(id, from, outcome.Result, null),
                $"{request} was acknowledged, but it is not in the log behind what was there when it was asked");
        }
        else if (refusal == EtcdError.TooManyRequests || refusal == EtcdError.RequestTooLarge || refusal == EtcdError.ContextDeadlineExceeded)
        {
            // The last one: it waited for a leader in vain.
            _refused.Add(id);
        }
        else
        {
            Check.Holds(IsBeforeTheLog(refusal) || _history.Holds(id, from, null, refusal),
                $"{request} was refused ({refusal.Text}), but the log does not say so");
        }
    }

    /// <summary>A linearizable read: it sees everything that was applied anywhere when it was asked.</summary>
    public async Task ReadNowAsync(SimulatedMember serving)
    {
        int from = _history.Count;
        var outcome = await CallAsync(serving, async member =>
        {
            await member.ReadIndexAsync();
            return true;
        });
        if (outcome is null || RefusalOf(outcome) is { } refusal && IsExpectedOfRead(refusal))
            return;
        serving.Process!.Run(() =>
        {
            Check.Holds(serving.Place >= from, $"a linearizable read sees {serving.Place} commands, but {from} were applied when it was asked");
            Compare(serving);
        });
    }

    /// <summary>A serializable read: what the member has, old or not, but as it was at one place.</summary>
    private Task ReadAtOnceAsync(SimulatedMember serving)
    {
        OperationCount++;
        serving.Process!.Run(() => Compare(serving));
        return Task.CompletedTask;
    }

    /// <summary>A serializable read of an old revision: the same whenever and wherever it is asked, until that is compacted.</summary>
    private Task ReadThePastAsync(SimulatedMember serving)
    {
        OperationCount++;
        var (current, compacted) = _history.PointAt(serving.Place);
        var range = _requests.NextRange(current);
        range.Revision = _random.NextInt64(Math.Max(1, compacted), current + 1);
        var expected = _history.ModelAt(serving.Place).Range(range);
        serving.Process!.Run(() => Check.Equal(expected.Kvs, serving.Member!.State.Ranges.Range(range).Kvs, $"read of the past {range}"));
        return Task.CompletedTask;
    }

    private void Compare(SimulatedMember serving)
    {
        var model = _history.ModelAt(serving.Place);
        var range = _requests.NextRange(model.Revision);
        var txn = _requests.NextReadTxn(model.Revision);
        var state = serving.Member!.State;
        Check.Equal(model.Revision, state.Store.CurrentRevision, "revision that a read sees");
        Check.Equal(Outcome(() => model.Range(range)), Outcome(() => state.Ranges.Range(range)), $"read {range}");
        model.Apply(txn);
        Check.Equal((object?)model.Response ?? model.Error!, Outcome(() => state.Txns.Read(txn)), $"read {txn}");
    }

    /// <summary>At any member, which asks the leader, or at the one that it takes for the leader: that one alone keeps the time.</summary>
    public Task RenewAsync(SimulatedMember serving)
    {
        bool isPassedOn = _random.Next(2) == 0;
        var asked = isPassedOn ? serving : PickLeader(serving);
        return _random.Next(4) == 0 ? AskForTimeAsync(asked, isPassedOn) : RenewAsync(asked, isPassedOn);
    }

    private async Task AskForTimeAsync(SimulatedMember asked, bool isPassedOn)
    {
        long id = PickLease();
        if (id == 0 || !asked.IsUp)
            return;
        ulong grant = _history.Leases.GrantIndexOf(id);
        var request = new LeaseTimeToLiveRequest { ID = id };
        var outcome = await CallAsync(asked, _ => isPassedOn
            ? asked.LeaseClock!.TimeToLiveAsync(request, CancellationToken.None) : asked.LeaseClock!.TimeToLiveHereAsync(request));
        if (outcome is null)
            return;
        if (RefusalOf(outcome) is { } refusal)
        {
            Check.Holds(IsBeforeTheLog(refusal) || refusal == EtcdError.NotPrimaryLessor, $"a lease's time was refused: {refusal.Text}");
            return;
        }
        cluster.Trace.Add("time left", id, outcome.Result.TTL);
        Check.Holds(outcome.Result.TTL >= 0 || !IsThereAllTheTime(id, grant), $"lease {id} was said to be gone, and is there");
    }

    /// <summary>The one that was there when its grant was looked up, and still is.</summary>
    private bool IsThereAllTheTime(long id, ulong grant) => grant != 0 && _history.Leases.GrantIndexOf(id) == grant;

    private async Task RenewAsync(SimulatedMember asked, bool isPassedOn)
    {
        long id = PickLease();
        if (id == 0 || !asked.IsUp)
            return;
        ulong grant = _history.Leases.GrantIndexOf(id), lastGrant = _history.Leases.LastGrantOf(id);
        var now = cluster.Time.Now;
        double ttl = TtlAt(asked, id);
        var outcome = await CallAsync(asked, member => isPassedOn
            ? asked.LeaseClock!.RenewAsync(id, CancellationToken.None).AsTask()
            : member.Lessor.RenewAsync(new(id)).AsTask());
        // Whatever came of it: the leader may have renewed it until now.
        _history.Leases.Timed(id, Math.Max(ttl, TtlAt(asked, id)), cluster.Time.Now);
        if (outcome is null)
            return;
        if (RefusalOf(outcome) is { } refusal)
        {
            Check.Holds(IsBeforeTheLog(refusal) || refusal == EtcdError.NotPrimaryLessor, $"a renewal was refused: {refusal.Text}");
            return;
        }
        cluster.Trace.Add("renewed", id, outcome.Result);
        if (outcome.Result == 0)
        {
            Check.Holds(!IsThereAllTheTime(id, grant), $"a renewal said that lease {id} is gone, and it is there");
            return;
        }
        Check.Holds(grant != 0 || _history.Leases.LastGrantOf(id) > lastGrant,
            $"lease {id} was renewed, which had ended when that was asked for at {now}");
        _history.Leases.Renewed(id, grant, outcome.Result, now);
        if (!isPassedOn)
            cluster.Checker.Renews(asked, now);
    }

    /// <summary>One that lives; or, now and then, one that may have ended.</summary>
    /// <returns>0 for none.</returns>
    private long PickLease()
    {
        var leases = !cluster.IsCalm && _random.Next(5) == 0 ? _history.Leases.Ids : _history.Model.Leases;
        return leases.ElementAtOrDefault(_random.Next(Math.Clamp(leases.Count(), 1, 4)));
    }

    private static double TtlAt(SimulatedMember asked, long id) =>
        asked.IsUp && asked.Member!.State.Leases.TryGet(new(id), out var lease) ? lease.TtlSeconds : 0;

    /// <summary>The one that the member follows, or one that was deposed and may not know it: clients know no better either.</summary>
    private SimulatedMember PickLeader(SimulatedMember serving) =>
        (_random.Next(2) == 0 ? cluster.Find(serving.Member!.Leadership.Leader) : Deposed()) ?? serving;

    /// <summary>The leader of the lowest term.</summary>
    private SimulatedMember? Deposed() => Leaders().MinBy(member => member.Member!.Leadership.Term);

    /// <summary>All that take themselves for it, or did when they were held up.</summary>
    private IEnumerable<SimulatedMember> Leaders() => cluster.Members.Where(member => member.IsUp && member.Member!.IsLeader);

    /// <returns>Null when the member died before it answered: then the outcome stays unknown.</returns>
    private async Task<Task<T>?> CallAsync<T>(SimulatedMember serving, Func<Member, Task<T>> call)
    {
        Task<T>? outcome = null;
        var process = serving.Process!;
        if (!serving.IsServing)
            await RunsAgainAsync(process);
        process.Run(() => outcome = call(serving.Member!));
        if (outcome is not null)
            await process.AnswerAsync(outcome);
        if (outcome is { IsCompleted: true } && process.IsAlive)
        {
            OperationCount++;
            cluster.Trace.Add("answered", number, _history.Count);
            return outcome;
        }
        UnknownCount++;
        return null;
    }

    /// <summary>What is asked of a process that is held up waits there, and is seen as soon as what happened to it before.</summary>
    private Task RunsAgainAsync(SimulatedProcess process)
    {
        var again = new TaskCompletionSource();
        cluster.Time.After(TimeSpan.Zero, process, again.SetResult);
        return process.AnswerAsync(again.Task);
    }

    /// <returns>Null for an answer.</returns>
    private EtcdError? RefusalOf(Task outcome)
    {
        if (outcome.IsCompletedSuccessfully)
            return null;
        if (outcome.Exception?.InnerException is not EtcdException refusal)
            throw new SimulationFailedException($"a client got no answer but {outcome.Exception?.InnerException}", outcome.Exception);
        cluster.Trace.Add(refusal.Error.Text, number);
        if (IsUnknown(refusal.Error))
            UnknownCount++;
        return refusal.Error;
    }

    private static bool IsExpectedOfRead(EtcdError refusal)
    {
        Check.Holds(IsBeforeTheLog(refusal), $"a read was refused: {refusal.Text}");
        return true;
    }

    private static bool IsBeforeTheLog(EtcdError error) =>
        IsUnknown(error) || error == EtcdError.NoSpace || error == EtcdError.NoLeader;

    private static bool IsUnknown(EtcdError error) =>
        error == EtcdError.Timeout || error == EtcdError.TimeoutLeaderFailed || error == EtcdError.ContextDeadlineExceeded || error == EtcdError.Stopped;

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
