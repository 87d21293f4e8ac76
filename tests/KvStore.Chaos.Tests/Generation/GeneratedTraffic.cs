using Google.Protobuf;
using KvStore.Chaos.History;
using KvStore.Protocol;
using static KvStore.Protocol.Compare.Types;
using static KvStore.Protocol.RangeRequest.Types;

namespace KvStore.Chaos.Tests.Generation;

/// <summary>What the clients of a generated history ask for.</summary>
internal sealed class GeneratedTraffic(HistoryGenerator generator)
{
    private readonly List<long> _leases = [];
    private int _sequence;

    private static readonly Dictionary<string, ByteString> Texts = [];

    /// <summary>Goes on until the history is long enough; a client of whom something is unknown is replaced.</summary>
    public void Next(int client)
    {
        if (!generator.TakeTurn())
            return;
        Pick(client)(client);
    }

    public void OpenWatch()
    {
        var (key, end) = generator.Random.Next(3) switch
        {
            0 => (Text("g/"), Text("g0")),
            1 => (Text($"g/{generator.Random.Next(5)}"), ByteString.Empty),
            _ => (Text(""), Text("\0")),
        };
        if (key.IsEmpty)
            key = ByteString.CopyFrom(0);
        var request = new WatchCreateRequest
        {
            Key = key, RangeEnd = end, WatchId = 1, PrevKv = generator.Chance(50), Fragment = generator.Chance(50),
            StartRevision = generator.Chance(40) ? 0 : generator.Between(1, generator.Model.Revision + 3),
        };
        if (generator.Chance(20))
            request.Filters.Add(generator.Chance(50) ? WatchCreateRequest.Types.FilterType.Noput
                : WatchCreateRequest.Types.FilterType.Nodelete);
        GeneratedWatch.Open(generator, request, isPatient: false);
    }

    private Action<int> Pick(int client)
    {
        var mix = generator.Mix;
        (int Weight, Action<int> Act)[] acts =
        [
            (mix.Registers, Register), (mix.Ranges, Range), (mix.Leases, Lease), (mix.Appends, Append), (mix.Locks, Lock),
                (mix.Listings, Listing),
            (mix.Compactions, Compact),
        ];
        int drawn = generator.Random.Next(acts.Sum(act => act.Weight));
        foreach (var (weight, act) in acts)
        {
            if ((drawn -= weight) < 0)
                return act;
        }
        return Register;
    }

    private void Do(int client, Request request, Action<int, Operation>? then = null) =>
        generator.Call(client, request, isCertain: false, operation =>
    {
        int next = operation.Outcome == Outcome.Unknown ? generator.NewClient() : client;
        if (then is not null && operation.Outcome == Outcome.Ok)
            then(next, operation);
        else
            generator.After(generator.Between(1, 200 * HistoryGenerator.Millisecond), () => Next(next));
    });

    private void Pause(int client) => generator.After(generator.Between(1, 200 * HistoryGenerator.Millisecond), () =>
        Next(client));

    private void Register(int client)
    {
        var key = Text($"r/{generator.Random.Next(2)}");
        var current = generator.Model.Range(new RangeRequest { Key = key }).Kvs.FirstOrDefault();
        Do(client, generator.Random.Next(8) switch
        {
            0 or 1 or 2 => new Request { Put = new PutRequest { Key = key, Value = Value(client),
                PrevKv = generator.Chance(20) } },
            3 => new Request
            {
                Txn = new TxnRequest
                {
                    Compare = { new Compare { Key = key, Target = CompareTarget.Value, Value = current?.Value ?? Text("none") } },
                    Success = { Put(key, Value(client)) },
                    Failure = { Get(key) },
                },
            },
            4 => new Request { DeleteRange = new DeleteRangeRequest { Key = key } },
            _ => new Request { Range = new RangeRequest { Key = key } },
        });
    }

    private void Range(int client) => Do(client, generator.Random.Next(10) switch
    {
        0 or 1 or 2 => new Request { Put = RandomPut(client) },
        3 => new Request { DeleteRange = RandomDelete() },
        4 or 5 => new Request { Txn = RandomTxn(client, 2) },
        _ => new Request { Range = RandomRange(isTransaction: false) },
    });

    private PutRequest RandomPut(int client)
    {
        var put = new PutRequest { Key = GKey(), Value = Value(client), PrevKv = generator.Chance(30) };
        if (generator.Chance(5) && generator.Model.Range(new RangeRequest { Key = put.Key }).Count > 0)
            (put.Value, put.IgnoreValue, put.IgnoreLease) = (ByteString.Empty, true, true);
        if (_leases.Count > 0 && generator.Chance(20) && !put.IgnoreLease)
            put.Lease = _leases[generator.Random.Next(_leases.Count)];
        return put;
    }

    private DeleteRangeRequest RandomDelete() => generator.Chance(60)
        ? new DeleteRangeRequest { Key = GKey(), PrevKv = generator.Chance(50) }
        : new DeleteRangeRequest { Key = Text("g/2"), RangeEnd = Text("g/4"), PrevKv = generator.Chance(50) };

    private RangeRequest RandomRange(bool isTransaction)
    {
        var range = generator.Chance(30)
            ? new RangeRequest { Key = GKey() }
            : new RangeRequest { Key = Text("g/"), RangeEnd = generator.Chance(50) ? Text("g0") : Text("g/3") };
        if (generator.Chance(25))
            range.Limit = generator.Between(1, 4);
        if (generator.Chance(25))
            (range.SortOrder, range.SortTarget) = ((SortOrder)generator.Random.Next(3), (SortTarget)generator.Random.Next(5));
        if (generator.Chance(10))
            range.KeysOnly = true;
        else if (generator.Chance(10))
            range.CountOnly = true;
        if (generator.Chance(10))
            range.MinModRevision = generator.Between(1, generator.Model.Revision);
        if (generator.Chance(10))
            range.MaxCreateRevision = generator.Between(1, generator.Model.Revision);
        if (isTransaction)
            return range;
        range.Serializable = generator.Chance(20);
        if (generator.Chance(20))
            range.Revision = generator.Between(1, generator.Model.Revision + 1);
        return range;
    }

    private TxnRequest RandomTxn(int client, int depth)
    {
        var key = GKey();
        var current = generator.Model.Range(new RangeRequest { Key = key }).Kvs.FirstOrDefault();
        var txn = new TxnRequest();
        txn.Compare.Add(generator.Random.Next(4) switch
        {
            0 => new Compare { Key = key, Target = CompareTarget.Mod, ModRevision = current?.ModRevision ?? 0 },
            1 => new Compare { Key = key, Target = CompareTarget.Version, Result = CompareResult.Greater, Version = 1 },
            2 => new Compare { Key = key, Target = CompareTarget.Value, Result = CompareResult.NotEqual, Value = current?.Value
                ?? ByteString.Empty },
            _ => new Compare { Key = Text("g/"), RangeEnd = Text("g/3"), Target = CompareTarget.Create,
                Result = CompareResult.Less, CreateRevision = generator.Model.Revision },
        });
        Fill(txn.Success);
        Fill(txn.Failure);
        return txn;

        void Fill(Google.Protobuf.Collections.RepeatedField<RequestOp> ops)
        {
            // No key twice in a branch: etcd refuses that.
            int from = generator.Random.Next(3);
            for (int i = from; i < from + generator.Random.Next(3); i++)
            {
                ops.Add(generator.Random.Next(4) switch
                {
                    0 => new RequestOp { RequestDeleteRange = new DeleteRangeRequest { Key = Text($"g/{i}"),
                        PrevKv = generator.Chance(50) } },
                    1 => new RequestOp { RequestRange = RandomRange(isTransaction: true) },
                    _ => Put(Text($"g/{i}"), Value(client), generator.Chance(30)),
                });
            }
            if (depth > 1 && generator.Chance(20))
                ops.Add(new RequestOp { RequestTxn = Nested(client) });
        }
    }

    /// <summary>On keys of its own, so that none is changed twice.</summary>
    private TxnRequest Nested(int client) => new()
    {
        Compare = { new Compare { Key = Text("g/4"), Target = CompareTarget.Version, Result = CompareResult.Greater } },
        Success = { generator.Chance(50) ? Put(Text("g/4"), Value(client))
            : new RequestOp { RequestDeleteRange = new DeleteRangeRequest { Key = Text("g/4") } } },
        Failure = { Put(Text("g/4"), Value(client)) },
    };

    private void Lease(int client)
    {
        if (_leases.Count == 0 || generator.Chance(15))
        {
            long id = 1000 + ++_sequence;
            Do(client, new Request { LeaseGrant = new LeaseGrantRequest { ID = id, TTL = generator.Between(1, 2) } }, (next, _) =>
            {
                _leases.Add(id);
                Pause(next);
            });
            return;
        }
        long lease = _leases[generator.Random.Next(_leases.Count)];
        Do(client, generator.Random.Next(10) switch
        {
            0 => new Request { LeaseRevoke = new LeaseRevokeRequest { ID = lease } },
            1 => new Request { LeaseTimeToLive = new LeaseTimeToLiveRequest { ID = lease, Keys = true } },
            2 or 3 or 4 => new Request { LeaseKeepAlive = new LeaseKeepAliveRequest { ID = lease } },
            5 => new Request { Range = new RangeRequest { Key = Text("s/"), RangeEnd = Text("s0") } },
            _ => new Request { Put = new PutRequest { Key = Text($"s/{generator.Random.Next(6)}"), Value = Value(client),
                Lease = lease } },
        });
    }

    /// <summary>Reads lists, and writes them longer if they are still the same.</summary>
    private void Append(int client)
    {
        string[] keys = generator.Chance(50) ? ["l/0", "l/1"] : [$"l/{generator.Random.Next(2)}"];
        Do(client, new Request { Range = new RangeRequest { Key = Text("l/"), RangeEnd = Text("l0") } }, (next, read) =>
        {
            var txn = new TxnRequest();
            foreach (var key in keys.Select(Text))
            {
                var kv = read.Response.Range.Kvs.FirstOrDefault(kv => kv.Key.Equals(key));
                txn.Compare.Add(new Compare { Key = key, Target = CompareTarget.Mod, ModRevision = kv?.ModRevision ?? 0 });
                if (generator.Chance(70))
                    txn.Success.Add(Put(key, kv is null ? Value(next) : ByteString.CopyFromUtf8(kv.Value.ToStringUtf8() + ","
                        + Value(next).ToStringUtf8())));
                else
                    txn.Success.Add(Get(key));
                txn.Failure.Add(Get(key));
            }
            Do(next, new Request { Txn = txn });
        });
    }

    /// <summary>Queues for a lock, and once it is the first, writes under its guard.</summary>
    private void Lock(int client)
    {
        if (_leases.Count == 0)
        {
            Lease(client);
            return;
        }
        long lease = _leases[generator.Random.Next(_leases.Count)];
        var key = Text($"k/a/{lease:x}.{client}");
        Do(client, new Request
        {
            Txn = new TxnRequest
            {
                Compare = { new Compare { Key = key, Target = CompareTarget.Create } },
                Success = { new RequestOp { RequestPut = new PutRequest { Key = key, Value = Value(client), Lease = lease } } },
                Failure = { Get(key) },
            },
        }, (next, queued) => Wait(next, key, tries: 3));
    }

    private void Wait(int client, ByteString key, int tries) => Do(client, new Request
    {
        Range = new RangeRequest { Key = Text("k/a/"), RangeEnd = Text("k/a0"), SortOrder = SortOrder.Ascend,
            SortTarget = SortTarget.Create, Limit = 1 },
    }, (next, read) =>
    {
        var first = read.Response.Range.Kvs.FirstOrDefault();
        if (first is null || !first.Key.Equals(key))
        {
            if (tries > 0)
                generator.After(300 * HistoryGenerator.Millisecond, () => Wait(next, key, tries - 1));
            else
                Do(next, new Request { DeleteRange = new DeleteRangeRequest { Key = key } });
            return;
        }
        var guarded = new TxnRequest
        {
            Compare = { new Compare { Key = key, Target = CompareTarget.Create, CreateRevision = first.CreateRevision } },
            Success = { Put(Text("k/a"), Value(next)) },
            Failure = { Get(Text("k/a")) },
        };
        Do(next, new Request { Txn = guarded }, (last, _) =>
            Do(last, new Request { DeleteRange = new DeleteRangeRequest { Key = key } }));
    });

    private void Listing(int client)
    {
        if (generator.Chance(15))
        {
            ListAndWatch(client);
            return;
        }
        var key = Text($"o/{generator.Random.Next(5)}");
        var current = generator.Model.Range(new RangeRequest { Key = key }).Kvs.FirstOrDefault();
        var change = current is not null && generator.Chance(30) ? new RequestOp { RequestDeleteRange =
            new DeleteRangeRequest { Key = key } } : Put(key, Value(client));
        Do(client, new Request
        {
            Txn = new TxnRequest
            {
                Compare = { new Compare { Key = key, Target = CompareTarget.Mod, ModRevision = current?.ModRevision ?? 0 } },
                Success = { change },
                Failure = { Get(key) },
            },
        });
    }

    /// <summary>As Kubernetes does: pages at one revision, then a watch from the next.</summary>
    private void ListAndWatch(int client)
    {
        const int limit = 2;
        Do(client, new Request { Range = new RangeRequest { Key = Text("o/"), RangeEnd = Text("o0"), Limit = limit } },
            (next, page) => Continue(next, page, page.Response.Range.Header.Revision));

        void Continue(int reader, Operation page, long revision)
        {
            if (page.Response.Range.More)
            {
                byte[] from = [.. page.Response.Range.Kvs[^1].Key.ToByteArray(), 0];
                var more = new RangeRequest { Key = ByteString.CopyFrom(from), RangeEnd = Text("o0"), Limit = limit,
                    Revision = revision };
                Do(reader, new Request { Range = more }, (next, answer) => Continue(next, answer, revision));
                return;
            }
            GeneratedWatch.Open(generator, new WatchCreateRequest
            {
                Key = Text("o/"), RangeEnd = Text("o0"), StartRevision = revision + 1, PrevKv = true, ProgressNotify = true,
                    WatchId = 1,
            }, isPatient: false, reader);
            Pause(generator.NewClient());
        }
    }

    private void Compact(int client) =>
        Do(client, new Request { Compaction = new CompactionRequest { Revision =
            generator.Between(1, generator.Model.Revision) } });

    private ByteString GKey() => Text($"g/{generator.Random.Next(5)}");

    private ByteString Value(int client) => ByteString.CopyFromUtf8($"{client}.{++_sequence}");

    private static RequestOp Put(ByteString key, ByteString value, bool withPrevious = false) =>
        new() { RequestPut = new PutRequest { Key = key, Value = value, PrevKv = withPrevious } };

    private static RequestOp Get(ByteString key) => new() { RequestRange = new RangeRequest { Key = key } };

    private static ByteString Text(string text)
    {
        lock (Texts)
        {
            if (!Texts.TryGetValue(text, out var bytes))
                Texts.Add(text, bytes = ByteString.CopyFromUtf8(text));
            return bytes;
        }
    }
}
