using Google.Protobuf;
using KvStore.Mvcc.Commands;
using KvStore.Protocol;

namespace KvStore.Server.Tests.Members.Snapshots;

/// <summary>Random changes over few keys and leases: puts, deletes of ranges, transactions of many changes, compactions.</summary>
internal sealed class RandomWork(int seed)
{
    private readonly Random _random = new(seed);

    public void Run(StoredMember member, int count)
    {
        for (int i = 0; i < count; i++)
            Step(member);
    }

    private void Step(StoredMember member)
    {
        switch (_random.Next(40))
        {
            case < 22:
                member.Apply(CommandKind.Put, NextPut());
                break;
            case < 27:
                member.Apply(CommandKind.DeleteRange, NextDelete());
                break;
            case < 33:
                member.Apply(CommandKind.Txn, NextTxn());
                break;
            case < 35:
                member.Apply(CommandKind.LeaseGrant, new LeaseGrantRequest { ID = _random.Next(1, 9), TTL = _random.Next(2, 1000) });
                break;
            case 35:
                member.Apply(CommandKind.LeaseRevoke, new LeaseRevokeRequest { ID = _random.Next(1, 9) });
                break;
            case 36:
                var leases = new LeaseRemaindersRequest();
                leases.Leases.Add(new LeaseRemainder { Id = _random.Next(1, 9), RemainingTtl = _random.Next(1, 50) });
                member.Apply(CommandKind.LeaseCheckpoint, leases);
                break;
            case 37 when member.Revision > 10:
                member.Apply(CommandKind.Compaction, new CompactionRequest { Revision = member.Revision - _random.Next(10) });
                break;
            case 38:
                member.Clean();
                break;
        }
    }

    private PutRequest NextPut() => new()
    {
        Key = NextKey(),
        Value = ByteString.CopyFrom(NextValue()),
        // Some name a lease that is not there: a refusal.
        Lease = _random.Next(3) == 0 ? _random.Next(1, 9) : 0,
    };

    private DeleteRangeRequest NextDelete() => _random.Next(3) == 0
        ? new DeleteRangeRequest { Key = ByteString.CopyFromUtf8("key-1"), RangeEnd = ByteString.CopyFromUtf8("key-2") }
        : new DeleteRangeRequest { Key = NextKey() };

    private TxnRequest NextTxn()
    {
        var txn = new TxnRequest();
        for (int i = _random.Next(1, 8); i > 0; i--)
            txn.Success.Add(new RequestOp { RequestPut = new PutRequest { Key = ByteString.CopyFromUtf8($"txn-{i}"), Value = ByteString.CopyFrom(NextValue()) } });
        txn.Success.Add(new RequestOp { RequestDeleteRange = new DeleteRangeRequest { Key = NextKey() } });
        return txn;
    }

    private ByteString NextKey() => ByteString.CopyFromUtf8($"key-{_random.Next(25)}");

    private byte[] NextValue()
    {
        byte[] value = new byte[_random.Next(20) == 0 ? _random.Next(20_000) : _random.Next(200)];
        _random.NextBytes(value);
        return value;
    }
}
