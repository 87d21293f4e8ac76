using System.Runtime.InteropServices;
using Google.Protobuf;
using KvStore.Mvcc.Alarms;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Hashing;
using KvStore.Mvcc.Leases;
using KvStore.Mvcc.Members;
using KvStore.Mvcc.Ranges;
using KvStore.Mvcc.Requests;
using KvStore.Mvcc.State;
using KvStore.Mvcc.Store;
using KvStore.Mvcc.Transactions;
using KvStore.Mvcc.Watches;
using KvStore.Protocol;
using KvStore.Raft;
using KvStore.Storage;

namespace KvStore.Mvcc;

/// <summary>The replicated state: log entries in, answers and changes out, the same on every member.</summary>
/// <remarks>
/// The apply loop is the only caller of what changes. For each entry it calls <see cref="Apply"/> with each command and then
/// <see cref="CompleteEntry"/>, which moves the applied index: state is saved between entries alone, so that what is saved and
/// the applied index always agree. Readers use <see cref="Ranges"/>, <see cref="Txns"/>, <see cref="History"/> and the
/// published tables.
/// A fault while a command is applied (a full disk, a broken value store) leaves it half done and unseen: the owner must stop.
/// </remarks>
public sealed class StateMachine
{
    private readonly WriteTransaction _changes;
    private readonly KeyValueApplier _keyValues;
    private bool _isBroken;
    private ulong _appliedIndex;

    public StateMachine(MvccStore store)
    {
        Store = store;
        Ranges = new RangeReader(store);
        Txns = new TxnReader(store, Ranges);
        History = new History(store);
        Hash = new KeyValueHash(store);
        _changes = new WriteTransaction(store, Leases);
        _keyValues = new KeyValueApplier(store, Leases, Ranges, _changes);
    }

    public MvccStore Store { get; }

    public RangeReader Ranges { get; }

    public TxnReader Txns { get; }

    public History History { get; }

    public KeyValueHash Hash { get; }

    public LeaseTable Leases { get; } = new();

    public AlarmTable Alarms { get; } = new();

    public MemberTable Members { get; } = new();

    /// <summary>The last entry whose commands are all applied. Any thread.</summary>
    public ulong AppliedIndex
    {
        get => Volatile.Read(ref _appliedIndex);
        private set => Volatile.Write(ref _appliedIndex, value);
    }

    public ulong AppliedTerm { get; private set; }

    /// <summary>The voters and learners as of the applied index, in the words of their owner.</summary>
    public ReadOnlyMemory<byte> Configuration { get; set; }

    /// <summary>Applies one command of the entry that follows the applied index.</summary>
    /// <param name="parsed">The request, where the caller has it already; else it is parsed from the command.</param>
    /// <exception cref="InvalidDataException">The entry holds no command that this version knows.</exception>
    public ApplyResult Apply(ulong raftIndex, in Command command, IMessage? parsed = null)
    {
        Invariant.Holds(raftIndex == AppliedIndex + 1);
        Invariant.Holds(!_isBroken);
        _isBroken = true;
        ApplyResult result;
        try
        {
            RefuseUnderAlarm(command.Kind);
            var response = Dispatch(raftIndex, command, parsed);
            result = new ApplyResult(response, null, _changes.Commit(), Store.CurrentRevision);
        }
        catch (EtcdException refusal)
        {
            // A refusal leaves no trace.
            Invariant.Holds(!_changes.HasChanges);
            result = new ApplyResult(null, refusal.Error, [], Store.CurrentRevision);
        }
        _isBroken = false;
        return result;
    }

    /// <summary>The entry is applied, all its commands or none of them being ours.</summary>
    public void CompleteEntry(ulong raftIndex, ulong raftTerm)
    {
        Invariant.Holds(raftIndex == AppliedIndex + 1);
        Invariant.Holds(raftTerm >= AppliedTerm);
        Invariant.Holds(!_isBroken);
        AppliedTerm = raftTerm;
        AppliedIndex = raftIndex;
    }

    /// <summary>The small state as of the applied index: everything but the keys' values and their index.</summary>
    public byte[] SaveState()
    {
        Invariant.Holds(!_isBroken);
        return new StateImage
        {
            AppliedIndex = AppliedIndex,
            AppliedTerm = AppliedTerm,
            CurrentRevision = Store.CurrentRevision,
            CompactRevision = Store.CompactRevision,
            Leases = Leases.List(),
            Alarms = Alarms.Raised,
            Members = Members.Members,
            RemovedMembers = Members.Removed,
            MemberDirectories = Members.Directories,
            Configuration = Configuration,
        }.Encode();
    }

    /// <summary>The state machine as it was saved.</summary>
    /// <param name="createStore">Gets the saved current and compacted revision; its index is complete at the former.</param>
    /// <exception cref="InvalidDataException">The bytes fail their check, or another version wrote them.</exception>
    public static StateMachine Load(ReadOnlySpan<byte> savedState, Func<StateImage, MvccStore> createStore)
    {
        var image = StateImage.Decode(savedState);
        var machine = new StateMachine(createStore(image))
        {
            AppliedIndex = image.AppliedIndex,
            AppliedTerm = image.AppliedTerm,
            Configuration = image.Configuration,
        };
        Invariant.Holds(machine.Store.CurrentRevision == image.CurrentRevision);
        machine.Alarms.Load(image.Alarms);
        machine.Members.Load(image.Members, image.RemovedMembers, image.MemberDirectories);
        machine.Leases.Load(image.Leases, machine.Store);
        return machine;
    }

    /// <summary>One number over everything that is replicated, at the current revision: for tests. Any thread, but equal on two
    /// members only while nothing is applied.</summary>
    public uint HashEverything()
    {
        uint crc = Hash.Compute(0).Hash;
        foreach (var lease in Leases.List())
            crc = Crc32C.Append(crc, MemoryMarshal.AsBytes([lease.Id.Value, lease.TtlSeconds]));
        foreach (var message in Alarms.Raised.Concat<IMessage>(Members.Members))
            crc = Crc32C.Append(crc, message.ToByteArray());
        return crc;
    }

    private void RefuseUnderAlarm(CommandKind kind)
    {
        bool isChange = kind is CommandKind.Put or CommandKind.DeleteRange or CommandKind.Txn or CommandKind.Compaction
            or CommandKind.LeaseGrant or CommandKind.LeaseRevoke or CommandKind.LeaseExpire;
        if (isChange && Alarms.IsCorrupt)
            throw new EtcdException(EtcdError.Corrupt);
        if (kind is CommandKind.Put or CommandKind.LeaseGrant && Alarms.IsNoSpace)
            throw new EtcdException(EtcdError.NoSpace);
    }

    private IMessage Dispatch(ulong raftIndex, in Command command, IMessage? parsed) => command.Kind switch
    {
        CommandKind.Put => _keyValues.Put(Request(command, parsed, PutRequest.Parser)),
        CommandKind.DeleteRange => _keyValues.DeleteRange(Request(command, parsed, DeleteRangeRequest.Parser)),
        CommandKind.Txn => Txn(Request(command, parsed, TxnRequest.Parser)),
        CommandKind.Compaction => Compact(Request(command, parsed, CompactionRequest.Parser)),
        CommandKind.LeaseGrant => GrantLease(raftIndex, Request(command, parsed, LeaseGrantRequest.Parser)),
        CommandKind.LeaseRevoke => EndLease(new LeaseId(Request(command, parsed, LeaseRevokeRequest.Parser).ID), grantIndex: 0),
        CommandKind.LeaseCheckpoint => CheckpointLeases(Request(command, parsed, LeaseRemaindersRequest.Parser)),
        CommandKind.LeaseExpire => ExpireLease(Request(command, parsed, LeaseExpireRequest.Parser)),
        CommandKind.Alarm => ChangeAlarm(Request(command, parsed, AlarmRequest.Parser)),
        CommandKind.MemberAdd => ChangeMembers(Request(command, parsed, Member.Parser), Members.Add),
        CommandKind.MemberRemove => ChangeMembers(Request(command, parsed, Member.Parser), member => Members.Remove(member.ID)),
        CommandKind.MemberPeerUrls => ChangeMembers(Request(command, parsed, Member.Parser), Members.SetPeerUrls),
        CommandKind.MemberPromote => ChangeMembers(Request(command, parsed, Member.Parser), member => Members.Promote(member.ID)),
        CommandKind.MemberAttributes => ChangeMembers(Request(command, parsed, MemberAttributesRequest.Parser), Members.SetAttributes),
        _ => throw new InvalidDataException($"the log holds command {command.Kind}, which this version does not know"),
    };

    private static T Request<T>(in Command command, IMessage? parsed, MessageParser<T> parser)
        where T : class, IMessage<T>
    {
        if (parsed is null)
            return parser.ParseFrom(command.Payload.Span);
        Invariant.Holds(parsed is T);
        return (T)parsed;
    }

    private TxnResponse Txn(TxnRequest request)
    {
        if (Alarms.IsNoSpace && RequestCost.Of(request) > 0)
            throw new EtcdException(EtcdError.NoSpace);
        return _keyValues.Txn(request);
    }

    private CompactionResponse Compact(CompactionRequest request)
    {
        Store.Compact(request.Revision);
        return new CompactionResponse { Header = Header() };
    }

    private LeaseGrantResponse GrantLease(ulong raftIndex, LeaseGrantRequest request)
    {
        LeaseRules.CheckTtl(request.TTL);
        // The proposing member has picked an id where the client left it open.
        if (request.ID == 0)
            throw new EtcdException(EtcdError.LeaseNotFound);
        Leases.Grant(new Lease(new LeaseId(request.ID), raftIndex, request.TTL));
        return new LeaseGrantResponse { Header = Header(), ID = request.ID, TTL = request.TTL };
    }

    private LeaseRevokeResponse ExpireLease(LeaseExpireRequest request) => EndLease(new LeaseId(request.Id), request.GrantIndex);

    /// <summary>Deletes the lease's keys in key order at one revision, and the lease.</summary>
    private LeaseRevokeResponse EndLease(LeaseId id, ulong grantIndex)
    {
        if (!Leases.TryGet(id, out var lease) || !lease.IsOfGrant(grantIndex))
            throw new EtcdException(EtcdError.LeaseNotFound);
        foreach (byte[] key in Leases.KeysOf(id))
        {
            // A lease must end, however many keys it has.
            if (_changes.IsFull)
                _changes.ContinueAtNextRevision();
            _changes.Delete(key, id);
        }
        Leases.Remove(id);
        return new LeaseRevokeResponse { Header = Header() };
    }

    private LeaseCheckpointResponse CheckpointLeases(LeaseRemaindersRequest request)
    {
        foreach (var lease in request.Leases)
            Leases.Checkpoint(new LeaseId(lease.Id), lease.GrantIndex, lease.RemainingTtl);
        return new LeaseCheckpointResponse { Header = Header() };
    }

    private AlarmResponse ChangeAlarm(AlarmRequest request)
    {
        var response = new AlarmResponse { Header = Header() };
        switch (request.Action)
        {
            case AlarmRequest.Types.AlarmAction.Get:
                response.Alarms.Add(Alarms.Of(request.Alarm));
                break;
            // Types that mean nothing here change nothing; etcd's server dies on them.
            case AlarmRequest.Types.AlarmAction.Activate when request.Alarm is AlarmType.Nospace or AlarmType.Corrupt:
                Alarms.Raise(request.MemberID, request.Alarm);
                response.Alarms.Add(new AlarmMember { MemberID = request.MemberID, Alarm = request.Alarm });
                break;
            case AlarmRequest.Types.AlarmAction.Deactivate when Alarms.Clear(request.MemberID, request.Alarm):
                response.Alarms.Add(new AlarmMember { MemberID = request.MemberID, Alarm = request.Alarm });
                break;
        }
        return response;
    }

    /// <summary>Answers with all members, as the cluster's requests do, and without a revision.</summary>
    private MemberListResponse ChangeMembers<T>(T request, Action<T> change)
    {
        change(request);
        var response = new MemberListResponse { Header = new ResponseHeader() };
        response.Members.Add(Members.Members);
        return response;
    }

    private ResponseHeader Header() => new() { Revision = _changes.ReadRevision };
}
