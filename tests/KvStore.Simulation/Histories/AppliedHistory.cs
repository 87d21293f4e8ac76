using Google.Protobuf;
using KvStore.Mvcc;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Requests;
using KvStore.Mvcc.Tests.Model;
using KvStore.Mvcc.Watches;
using KvStore.Protocol;

namespace KvStore.Simulation.Histories;

/// <summary>Every command that was ever applied, over all lives of the member, replayed on a slow obvious store.</summary>
/// <remarks>
/// What is applied was durable before. So a later life must apply exactly the same commands at the same places, with the same
/// results, and may only add to them; and whatever the state holds must be what the obvious store holds.
/// </remarks>
internal sealed class AppliedHistory(Trace trace)
{
    /// <summary>Bytes that a client puts behind a revocation, an unknown field: the member's own have none.</summary>
    private static readonly byte[] ClientMark = [0x78, 0x01];

    private readonly List<AppliedCommand> _commands = [];
    private readonly HashSet<ulong> _alarms = [];
    private int _next;
    private int _eventCount;

    public ModelStore Model { get; } = new();

    public LeasePromises Leases { get; } = new();

    public int Count => _commands.Count;

    public ulong LastIndex => _commands.Count == 0 ? 0 : _commands[^1].Index;

    /// <summary>Whether the present life has applied all that earlier ones had.</summary>
    public bool IsCaughtUp => _next == _commands.Count;

    public bool IsNoSpace => _alarms.Count > 0;

    public static byte[] Encode(IMessage request) =>
        request is LeaseRevokeRequest ? [.. request.ToByteArray(), .. ClientMark] : request.ToByteArray();

    /// <summary>A new life begins with a state that holds the entries up to an index.</summary>
    public void BeginLife(ulong appliedIndex)
    {
        _next = _commands.FindIndex(command => command.Index > appliedIndex);
        if (_next < 0)
            _next = _commands.Count;
    }

    public void Applied(ulong index, in Command command, in ApplyResult result, TimeSpan now)
    {
        trace.Add("applied", (long)index, result.Revision);
        var applied = new AppliedCommand(index, command.Kind, command.Payload.ToArray(), Copy(result.Response), result.Error, result.Revision);
        if (_next < _commands.Count)
        {
            Repeat(_commands[_next++], applied);
            return;
        }
        if (index < LastIndex)
            throw new SimulationFailedException($"entry {index} was applied behind entry {LastIndex}");
        _commands.Add(applied);
        _next++;
        Judge(applied, result.Events, now);
    }

    /// <summary>Whether a command with this outcome was applied after the first <paramref name="from"/> ones.</summary>
    public bool Holds(int from, byte[] payload, IMessage? response, EtcdError? error)
    {
        for (int i = from; i < _commands.Count; i++)
        {
            var command = _commands[i];
            if (command.Error == error && command.Payload.AsSpan().SequenceEqual(payload) && Equals(command.Response, response))
                return true;
        }
        return false;
    }

    /// <summary>Compares all that the member holds with what it should.</summary>
    public void CompareState(StateMachine state)
    {
        Check.Equal(Model.Revision, state.Store.CurrentRevision, "current revision");
        Check.Equal(Model.Compacted, state.Store.CompactRevision, "compacted revision");
        Check.Equal(IsNoSpace, state.Alarms.IsNoSpace, "NOSPACE alarm");
        Check.Equal(string.Join(' ', Model.Leases), string.Join(' ', state.Leases.List().Select(lease => lease.Id.Value)), "leases");
        foreach (long lease in Model.Leases)
            Check.Equal(Text(Model.KeysOf(lease)), Text(state.Leases.KeysOf(new(lease)).Select(key => ByteString.CopyFrom(key))), $"keys of lease {lease}");
        for (long revision = Math.Max(1, Model.Compacted); revision <= Model.Revision; revision += 1 + (Model.Revision - revision) / 4)
        {
            var all = new RangeRequest { Key = Everything, RangeEnd = Everything, Revision = revision };
            Check.Equal(Model.Range(all), state.Ranges.Range(all), $"keys at revision {revision}");
        }
        CompareHistory(state);
    }

    private static ByteString Everything { get; } = ByteString.CopyFrom(0);

    private static string Text(IEnumerable<ByteString> keys) => string.Join(' ', keys.Select(key => key.ToBase64()));

    /// <summary>As it is now: the member fills in who answers later.</summary>
    private static IMessage? Copy(IMessage? response) => response?.Descriptor.Parser.ParseFrom(response.ToByteArray());

    private static void Repeat(AppliedCommand first, AppliedCommand again)
    {
        bool isSame = first.Index == again.Index && first.Kind == again.Kind && first.Payload.AsSpan().SequenceEqual(again.Payload);
        if (!isSame)
            throw new SimulationFailedException($"entry {first.Index} was {first.Kind}, after a restart entry {again.Index} is {again.Kind}");
        Check.Equal(first.Error, again.Error, $"outcome of the replayed {first.Kind} in entry {first.Index}");
        Check.Equal(first.Response, again.Response, $"answer of the replayed {first.Kind} in entry {first.Index}");
        Check.Equal(first.Revision, again.Revision, $"revision of the replayed {first.Kind} in entry {first.Index}");
    }

    private void Judge(AppliedCommand command, StoredEvent[] events, TimeSpan now)
    {
        var request = Parse(command);
        if (command.Kind == CommandKind.Alarm)
            JudgeAlarm((AlarmRequest)request!);
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
            Leases.Granted(grant, now);
        if (request is LeaseRevokeRequest revoke)
            Leases.Revoked(revoke.ID, command.Payload.AsSpan().EndsWith(ClientMark), now);
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

    private static IMessage? Parse(AppliedCommand command) => command.Kind switch
    {
        CommandKind.Put => PutRequest.Parser.ParseFrom(command.Payload),
        CommandKind.DeleteRange => DeleteRangeRequest.Parser.ParseFrom(command.Payload),
        CommandKind.Txn => TxnRequest.Parser.ParseFrom(command.Payload),
        CommandKind.Compaction => CompactionRequest.Parser.ParseFrom(command.Payload),
        CommandKind.LeaseGrant => LeaseGrantRequest.Parser.ParseFrom(command.Payload),
        CommandKind.LeaseRevoke => LeaseRevokeRequest.Parser.ParseFrom(command.Payload),
        CommandKind.Alarm => AlarmRequest.Parser.ParseFrom(command.Payload),
        _ => null,
    };

    private void CompareHistory(StateMachine state)
    {
        long from = Math.Max(Model.Compacted, 2);
        var read = new List<StoredEvent>();
        state.History.ReadEvents(from, long.MaxValue, int.MaxValue, long.MaxValue, read.Add);
        int first = Model.Events.FindIndex(change => change.KeyValue.ModRevision >= from);
        first = first < 0 ? Model.Events.Count : first;
        Check.Equal(Model.Events.Count - first, read.Count, "number of changes in the history");
        for (int i = 0; i < read.Count; i++)
        {
            var change = new ModelEvent(read[i].IsDelete, KeyValue.Parser.ParseFrom(read[i].KeyValue.Span));
            Check.Equal(Model.Events[first + i], change, "change in the history");
        }
    }
}
