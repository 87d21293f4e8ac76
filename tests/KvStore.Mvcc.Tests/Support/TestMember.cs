using Google.Protobuf;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.State;
using KvStore.Mvcc.Store;
using KvStore.Mvcc.Tests.Index;
using KvStore.Protocol;
using KvStore.Storage.Disks;

namespace KvStore.Mvcc.Tests.Support;

/// <summary>A state machine and the log entries that it gets, one command each.</summary>
internal sealed class TestMember
{
    private readonly Func<IKeyIndex> _createIndex;

    public TestMember(Func<DiskFullException, bool>? waitForSpace = null, Func<IKeyIndex>? createIndex = null)
    {
        _createIndex = createIndex ?? (() => new SortedKeyIndex());
        Values = new TestValueStore();
        Machine = new StateMachine(new MvccStore(_createIndex(), Values, waitForSpace: waitForSpace));
    }

    private TestMember(StateMachine machine, TestValueStore values, Func<IKeyIndex> createIndex)
    {
        _createIndex = createIndex;
        Machine = machine;
        Values = values;
    }

    public StateMachine Machine { get; }

    public TestValueStore Values { get; }

    public long Revision => Machine.Store.CurrentRevision;

    /// <summary>The member as it comes back from its saved state and values.</summary>
    /// <param name="isIndexSaved">The index comes from a file; else it is made anew from the values.</param>
    public TestMember Restart(bool isIndexSaved = false)
    {
        using var file = new MemoryFile();
        if (isIndexSaved)
            IndexFile.Write(file, Machine.Store.Index, Revision);
        var machine = StateMachine.Load(Machine.SaveState(), image =>
        {
            var index = _createIndex();
            if (isIndexSaved)
                Assert.Equal(image.CurrentRevision, IndexFile.Load(file, index));
            else
                IndexRebuild.FromValues(index, Values, image.CurrentRevision);
            return new MvccStore(index, Values, image.CurrentRevision, image.CompactRevision);
        });
        return new TestMember(machine, Values, _createIndex);
    }

    public ApplyResult Apply(CommandKind kind, IMessage request)
    {
        ulong index = Machine.AppliedIndex + 1;
        // As it comes from the log: encoded, and parsed again.
        var result = Machine.Apply(index, new Command(kind, 7, request.ToByteArray()));
        Machine.CompleteEntry(index, 1);
        return result;
    }

    public ApplyResult Apply(IMessage request) => Apply(KindOf(request), request);

    public T Answer<T>(IMessage request)
        where T : IMessage
    {
        var result = Apply(request);
        Assert.Null(result.Error);
        return Assert.IsType<T>(result.Response);
    }

    public EtcdError Refusal(IMessage request)
    {
        long revision = Revision;
        var result = Apply(request);
        Assert.Null(result.Response);
        Assert.Empty(result.Events);
        Assert.Equal(revision, Revision);
        return Assert.IsType<EtcdError>(result.Error);
    }

    public TestMember Put(string key, string value = "", long lease = 0)
    {
        Answer<PutResponse>(Build.Put(key, value, lease));
        return this;
    }

    public TestMember Delete(string key, string end = "")
    {
        Answer<DeleteRangeResponse>(Build.Delete(key, end));
        return this;
    }

    public TestMember Grant(long id, long ttl = 60)
    {
        Answer<LeaseGrantResponse>(new LeaseGrantRequest { ID = id, TTL = ttl });
        return this;
    }

    public TestMember Revoke(long id)
    {
        Answer<LeaseRevokeResponse>(new LeaseRevokeRequest { ID = id });
        return this;
    }

    /// <summary>What a leader says is left of a lease.</summary>
    public TestMember Checkpoint(long id, ulong grantIndex, long seconds)
    {
        var lease = new LeaseRemainder { Id = id, GrantIndex = grantIndex, RemainingTtl = seconds };
        Answer<LeaseCheckpointResponse>(new LeaseRemaindersRequest { Leases = { lease } });
        return this;
    }

    public ulong GrantIndexOf(long id)
    {
        Assert.True(Machine.Leases.TryGet(new(id), out var lease));
        return lease.GrantIndex;
    }

    public TestMember Compact(long revision)
    {
        Answer<CompactionResponse>(new CompactionRequest { Revision = revision });
        return this;
    }

    /// <summary>Lets the compaction run to its end.</summary>
    public TestMember Clean()
    {
        while (!Machine.Store.CompactStep(1))
        {
            // Key by key.
        }
        for (int pass = 0; pass < 3; pass++)
            Machine.Store.ReclaimStep(Math.Max(1, Values.SizeBytes));
        return this;
    }

    public RangeResponse Range(RangeRequest request)
    {
        var response = Machine.Ranges.Range(request);
        AssertSameBytes(request, response);
        return response;
    }

    public RangeResponse Range(string key, string end = "", long revision = 0, long limit = 0) =>
        Range(Build.Range(key, end, revision, limit));

    /// <summary>The key as it lives now, or did at a revision: "a=1 c2 m2 v1", or "none".</summary>
    public string Get(string key, long revision = 0) => Build.Text(Range(key, revision: revision).Kvs.SingleOrDefault());

    /// <summary>The whole store in a line.</summary>
    public string All(long revision = 0) =>
        string.Join(", ", Range("\0", "\0", revision).Kvs.Select(Build.Text));

    private void AssertSameBytes(RangeRequest request, RangeResponse response)
    {
        using var result = Machine.Ranges.Read(request);
        var bytes = new byte[result.CalculateSize(response.Header)];
        result.WriteTo(bytes, response.Header);
        Assert.Equal(response.ToByteArray(), bytes);
    }

    private static CommandKind KindOf(IMessage request) => request switch
    {
        PutRequest => CommandKind.Put,
        DeleteRangeRequest => CommandKind.DeleteRange,
        TxnRequest => CommandKind.Txn,
        CompactionRequest => CommandKind.Compaction,
        LeaseGrantRequest => CommandKind.LeaseGrant,
        LeaseRevokeRequest => CommandKind.LeaseRevoke,
        LeaseRemaindersRequest => CommandKind.LeaseCheckpoint,
        LeaseExpireRequest => CommandKind.LeaseExpire,
        AlarmRequest => CommandKind.Alarm,
        _ => throw new ArgumentException($"{request.GetType().Name} is no command by itself", nameof(request)),
    };
}
