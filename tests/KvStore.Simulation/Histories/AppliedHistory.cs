using Google.Protobuf;
using KvStore.Mvcc;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Requests;
using KvStore.Mvcc.Tests.Model;
using KvStore.Mvcc.Watches;
using KvStore.Protocol;

namespace KvStore.Simulation.Histories;

/// <summary>The one order of all commands that were ever applied, by whatever member in whatever life, replayed on a slow obvious
/// store.</summary>
/// <remarks>
/// Whoever applies first extends it. What is applied was agreed on and durable before: so every other member, and every later
/// life, must apply exactly the same commands at the same places with the same results, and may only add to them; and whatever a
/// state holds must be what the obvious store held at that place. A place in the order is the number of commands before it.
/// </remarks>
internal sealed class AppliedHistory(Trace trace, double clockDrift)
{
    private const long NoLease = -1;

    private readonly List<AppliedCommand> _commands = [];
    private readonly Dictionary<RequestId, int> _places = [];
    private readonly HashSet<ulong> _alarms = [];
    private int _eventCount;

    public ModelStore Model { get; } = new();

    public LeasePromises Leases { get; } = new(clockDrift);

    public int Count => _commands.Count;

    public ulong LastIndex => _commands.Count == 0 ? 0 : _commands[^1].Index;

    public bool IsNoSpace => _alarms.Count > 0;

    /// <summary>How many commands a state holds that has applied the entries up to an index.</summary>
    public int PlaceBehind(ulong appliedIndex)
    {
        int low = 0, high = _commands.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = _commands[middle].Index > appliedIndex ? (low, middle) : (middle + 1, high);
        }
        return low;
    }

    /// <summary>A member applied the command at a place.</summary>
    /// <returns>The next place.</returns>
    public int Applied(int place, ulong index, in Command command, in ApplyResult result, TimeSpan now)
    {
        var applied = new AppliedCommand(index, command.Kind, command.Payload.ToArray(), Copy(result.Response), result.Error, result.Revision);
        if (place < _commands.Count)
        {
            Repeat(_commands[place], applied);
            return place + 1;
        }
        trace.Add("applied", (long)index, result.Revision);
        trace.Explain(() => $"{applied.Kind} {Parse(applied)} by {RequestId.Of(applied.Payload)?.ToString() ?? "a member"}: {applied.Error?.Text ?? "done"}");
        Check.Holds(index >= LastIndex, $"entry {index} was applied behind entry {LastIndex}");
        Append(applied);
        Judge(applied, result.Events, now);
        applied.Compacted = Model.Compacted;
        return place + 1;
    }

    /// <summary>Whether a client's request was applied, at whatever place.</summary>
    public bool Holds(RequestId id) => _places.ContainsKey(id);

    /// <summary>Whether a client's request was applied with this outcome, and not before everything that was there when it was
    /// asked.</summary>
    public bool Holds(RequestId id, int from, IMessage? response, EtcdError? error) =>
        _places.TryGetValue(id, out int place) && place >= from && _commands[place].Error == error && Equals(_commands[place].Response, response);

    /// <summary>The obvious store as it was at a place.</summary>
    public ModelStore ModelAt(int place)
    {
        var (revision, compacted) = PointAt(place);
        return Model.AsOf(revision, compacted);
    }

    /// <summary>The revisions that are current, and compacted, at a place.</summary>
    public (long Revision, long Compacted) PointAt(int place) =>
        place == 0 ? (1, -1) : (_commands[place - 1].Revision, _commands[place - 1].Compacted);

    /// <summary>Compares all that a member holds with what it should at its place.</summary>
    public void CompareState(StateMachine state, int place)
    {
        var model = ModelAt(place);
        Check.Equal(model.Revision, state.Store.CurrentRevision, "current revision");
        Check.Equal(model.Compacted, state.Store.CompactRevision, "compacted revision");
        if (place == Count)
            CompareTables(state);
        for (long revision = Math.Max(1, model.Compacted); revision <= model.Revision; revision += 1 + (model.Revision - revision) / 4)
        {
            var all = new RangeRequest { Key = Everything, RangeEnd = Everything, Revision = revision };
            Check.Equal(model.Range(all), state.Ranges.Range(all), $"keys at revision {revision}");
        }
        CompareHistory(state, model.Revision, model.Compacted);
    }

    private void CompareTables(StateMachine state)
    {
        Check.Equal(IsNoSpace, state.Alarms.IsNoSpace, "NOSPACE alarm");
        Check.Equal(string.Join(' ', Model.Leases), string.Join(' ', state.Leases.List().Select(lease => lease.Id.Value)), "leases");
        Check.Equal(string.Join(' ', Leases.Checkpoints), string.Join(' ', state.Leases.List().Select(lease => $"{lease.Id.Value}:{lease.RemainingTtlSeconds}")),
            "what is left of leases");
        foreach (long lease in Model.Leases)
            Check.Equal(Text(Model.KeysOf(lease)), Text(state.Leases.KeysOf(new(lease)).Select(key => ByteString.CopyFrom(key))), $"keys of lease {lease}");
    }

    private static ByteString Everything { get; } = ByteString.CopyFrom(0);

    private static string Text(IEnumerable<ByteString> keys) => string.Join(' ', keys.Select(key => key.ToBase64()));

    /// <summary>As it is now: the member fills in who answers later.</summary>
    private static IMessage? Copy(IMessage? response) => response?.Descriptor.Parser.ParseFrom(response.ToByteArray());

    private static void Repeat(AppliedCommand first, AppliedCommand again)
    {
        bool isSame = first.Index == again.Index && first.Kind == again.Kind && first.Payload.AsSpan().SequenceEqual(again.Payload);
        Check.Holds(isSame, $"entry {first.Index} was {first.Kind}, elsewhere entry {again.Index} is {again.Kind}");
        Check.Equal(first.Error, again.Error, $"outcome of the repeated {first.Kind} in entry {first.Index}");
        Check.Equal(first.Response, again.Response, $"answer of the repeated {first.Kind} in entry {first.Index}");
        Check.Equal(first.Revision, again.Revision, $"revision of the repeated {first.Kind} in entry {first.Index}");
    }

    private void Append(AppliedCommand command)
    {
        _commands.Add(command);
        if (RequestId.Of(command.Payload) is { } id && !_places.TryAdd(id, _commands.Count - 1))
            Check.Holds(false, $"a client's {command.Kind} was applied twice, in entries {_commands[_places[id]].Index} and {command.Index}");
    }

    private void Judge(AppliedCommand command, StoredEvent[] events, TimeSpan now)
    {
        var request = Parse(command);
        if (command.Kind == CommandKind.Alarm)
            JudgeAlarm((AlarmRequest)request!);
        if (command.Kind == CommandKind.LeaseCheckpoint)
            Leases.Checkpointed(LeaseRemaindersRequest.Parser.ParseFrom(command.Payload));
        if (request is null or AlarmRequest)
            return;
        if (IsRefusedForSpace(request))
        {
            Check.Equal(EtcdError.NoSpace, command.Error, $"outcome of {command.Kind} under NOSPACE");
            return;
        }
        Model.Apply(request);
        Check.Equal(Model.Error, command.Error, $"outcome of {command.Kind} {request}");
        Check.Equal(Model.Response, command.Response, $"answer of {command.Kind} {request}");
        Check.Equal(Model.Revision, command.Revision, $"revision after {command.Kind} {request}");
        JudgeEvents(events);
        if (command.Error is null)
            JudgeLease(command, request, now);
    }

    private void JudgeEvents(StoredEvent[] events)
    {
        Check.Equal(Model.Events.Count - _eventCount, events.Length, "number of events");
        foreach (var change in events)
        {
            var expected = Model.Events[_eventCount++];
            Check.Equal(expected, new ModelEvent(change.IsDelete, KeyValue.Parser.ParseFrom(change.KeyValue.Span)), "event");
        }
    }

    private void JudgeLease(AppliedCommand command, IMessage request, TimeSpan now)
    {
        if (request is LeaseGrantRequest grant)
            Leases.Granted(grant, command.Index, now);
        if (request is LeaseRevokeRequest revoke)
            Leases.Revoked(revoke.ID, command.Kind == CommandKind.LeaseRevoke, now);
    }

    private void JudgeAlarm(AlarmRequest request)
    {
        if (request.Action == AlarmRequest.Types.AlarmAction.Activate)
            _alarms.Add(request.MemberID);
        if (request.Action == AlarmRequest.Types.AlarmAction.Deactivate)
            _alarms.Remove(request.MemberID);
    }

    private bool IsRefusedForSpace(IMessage request) =>
        IsNoSpace && (request is PutRequest or LeaseGrantRequest || request is TxnRequest txn && RequestCost.Of(txn) > 0);

    /// <summary>To end one that was granted elsewhere in the log is to end one that is not there.</summary>
    private LeaseRevokeRequest Revocation(LeaseExpireRequest request) =>
        new() { ID = Leases.GrantIndexOf(request.Id) == request.GrantIndex ? request.Id : NoLease };

    private IMessage? Parse(AppliedCommand command) => command.Kind switch
    {
        CommandKind.Put => PutRequest.Parser.ParseFrom(command.Payload),
        CommandKind.DeleteRange => DeleteRangeRequest.Parser.ParseFrom(command.Payload),
        CommandKind.Txn => TxnRequest.Parser.ParseFrom(command.Payload),
        CommandKind.Compaction => CompactionRequest.Parser.ParseFrom(command.Payload),
        CommandKind.LeaseGrant => LeaseGrantRequest.Parser.ParseFrom(command.Payload),
        CommandKind.LeaseRevoke => LeaseRevokeRequest.Parser.ParseFrom(command.Payload),
        CommandKind.LeaseExpire => Revocation(LeaseExpireRequest.Parser.ParseFrom(command.Payload)),
        CommandKind.Alarm => AlarmRequest.Parser.ParseFrom(command.Payload),
        _ => null,
    };

    private void CompareHistory(StateMachine state, long revision, long compacted)
    {
        long from = Math.Max(compacted, 2);
        var expected = Model.Events.Where(change => change.KeyValue.ModRevision >= from && change.KeyValue.ModRevision <= revision).ToList();
        var read = new List<StoredEvent>();
        state.History.ReadEvents(from, long.MaxValue, int.MaxValue, long.MaxValue, read.Add);
        Check.Equal(expected.Count, read.Count, "number of changes in the history");
        for (int i = 0; i < read.Count; i++)
        {
            var change = new ModelEvent(read[i].IsDelete, KeyValue.Parser.ParseFrom(read[i].KeyValue.Span));
            Check.Equal(expected[i], change, "change in the history");
        }
    }
}
