using Google.Protobuf;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Requests;
using KvStore.Protocol;
using static KvStore.Protocol.Compare.Types;

namespace KvStore.Mvcc.Tests.Model;

/// <summary>Requests over few keys, values, leases and revisions, so that they meet.</summary>
internal sealed class RandomRequests(int seed)
{
    private static readonly string[] KeyNames = ["a", "aa", "b", "c", "c\0", "d", "\0", "zz"];
    private static readonly long[] LeaseIds = [-5, 1, 2, 7];
    private readonly Random _random = new(seed);

    public bool Chance(int percent) => _random.Next(100) < percent;

    /// <summary>One that passes the checks before proposing.</summary>
    public IMessage NextChange(long revision) => _random.Next(100) switch
    {
        < 40 => NextPut(),
        < 55 => NextDelete(),
        < 80 => NextTxn(revision),
        < 86 => new CompactionRequest { Revision = Near(revision) },
        < 94 => new LeaseGrantRequest { ID = NextLease(), TTL = _random.Next(2, 100) },
        _ => new LeaseRevokeRequest { ID = NextLease() },
    };

    public RangeRequest NextRange(long revision)
    {
        var request = new RangeRequest { Key = NextKey(), RangeEnd = NextEnd() };
        if (Chance(40))
            request.Limit = _random.Next(-1, 5);
        if (Chance(30))
            request.Revision = Near(revision);
        if (Chance(30))
            (request.SortOrder, request.SortTarget) = ((RangeRequest.Types.SortOrder)_random.Next(3), (RangeRequest.Types.SortTarget)_random.Next(5));
        request.KeysOnly = Chance(15);
        request.CountOnly = Chance(10);
        if (Chance(10))
            request.MinModRevision = Near(revision);
        if (Chance(10))
            request.MaxModRevision = Near(revision);
        if (Chance(10))
            request.MinCreateRevision = Near(revision);
        if (Chance(10))
            request.MaxCreateRevision = Near(revision);
        return request;
    }

    public TxnRequest NextReadTxn(long revision)
    {
        var txn = new TxnRequest();
        Fill(txn, () => new RequestOp { RequestRange = NextRange(revision) });
        return txn;
    }

    private PutRequest NextPut()
    {
        var put = new PutRequest { Key = NextKey(), PrevKv = Chance(30) };
        if (Chance(15))
            put.IgnoreValue = true;
        else
            put.Value = NextValue();
        if (Chance(15))
            put.IgnoreLease = true;
        else if (Chance(40))
            put.Lease = NextLease();
        return put;
    }

    private DeleteRangeRequest NextDelete() => new() { Key = NextKey(), RangeEnd = NextEnd(), PrevKv = Chance(30) };

    private TxnRequest NextTxn(long revision)
    {
        while (true)
        {
            var txn = NextTxn(revision, depth: 0);
            if (IsProposable(txn))
                return txn;
        }
    }

    private static bool IsProposable(TxnRequest txn)
    {
        try
        {
            RequestChecks.Check(txn);
            return true;
        }
        catch (EtcdException)
        {
            return false;
        }
    }

    private TxnRequest NextTxn(long revision, int depth)
    {
        var txn = new TxnRequest();
        Fill(txn, () => _random.Next(10) switch
        {
            < 4 => new RequestOp { RequestPut = NextPut() },
            < 6 => new RequestOp { RequestDeleteRange = NextDelete() },
            < 8 => new RequestOp { RequestRange = NextRange(Chance(80) ? 0 : revision) },
            _ when depth == 2 => new RequestOp { RequestPut = NextPut() },
            _ => new RequestOp { RequestTxn = NextTxn(revision, depth + 1) },
        });
        return txn;
    }

    private void Fill(TxnRequest txn, Func<RequestOp> next)
    {
        for (int i = _random.Next(3); i > 0; i--)
            txn.Compare.Add(NextCompare());
        for (int i = _random.Next(4); i > 0; i--)
            txn.Success.Add(next());
        for (int i = _random.Next(3); i > 0; i--)
            txn.Failure.Add(next());
    }

    private Compare NextCompare()
    {
        var compare = new Compare
        {
            Key = NextKey(),
            RangeEnd = Chance(70) ? ByteString.Empty : NextEnd(),
            Target = (CompareTarget)_random.Next(5),
            Result = (CompareResult)_random.Next(4),
        };
        switch (compare.Target)
        {
            case CompareTarget.Version: compare.Version = _random.Next(4); break;
            case CompareTarget.Create: compare.CreateRevision = _random.Next(10); break;
            case CompareTarget.Mod: compare.ModRevision = _random.Next(20); break;
            case CompareTarget.Lease: compare.Lease = Chance(50) ? 0 : NextLease(); break;
            default: compare.Value = NextValue(); break;
        }
        return compare;
    }

    private ByteString NextKey() => Bytes(KeyNames[_random.Next(KeyNames.Length)]);

    private ByteString NextEnd() => _random.Next(10) switch
    {
        < 4 => ByteString.Empty,
        < 6 => Bytes("\0"),
        _ => NextKey(),
    };

    private ByteString NextValue() => Bytes(new string((char)('0' + _random.Next(4)), _random.Next(3)));

    private long NextLease() => LeaseIds[_random.Next(LeaseIds.Length)];

    private long Near(long revision) => _random.Next(-1, (int)revision + 3);

    private static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);
}
