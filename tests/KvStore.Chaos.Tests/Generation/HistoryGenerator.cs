using Google.Protobuf;
using KvStore.Chaos.History;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Tests.Model;
using KvStore.Protocol;
using Role = KvStore.Chaos.History.Role;

namespace KvStore.Chaos.Tests.Generation;

/// <summary>
/// Runs clients, members that lag and crash, leases and watches against the slow obvious store in virtual time, and writes down
/// what the clients see: a valid history, whatever the seed.
/// </summary>
internal sealed class HistoryGenerator
{
    public const long Millisecond = 1_000_000, Second = 1000 * Millisecond;

    private readonly PriorityQueue<Action, (long At, long Order)> _due = new();
    private readonly Dictionary<long, (long Until, long Ttl)> _leases = [];
    private readonly List<GeneratedWatch> _watches = [];
    private readonly List<HistoryRecord> _records = [];
    private readonly GeneratedTraffic _traffic;
    private long _order;
    private long _operationIds;
    private int _clientIds;
    private int _streams;
    private int _left;
    private int _running;
    private ulong _term = 2;

    private HistoryGenerator(int seed, TrafficMix mix)
    {
        (Random, Mix, _left) = (new Random(seed), mix, mix.OperationCount);
        _traffic = new GeneratedTraffic(this);
        Members = [.. Enumerable.Range(1, 3).Select(number => new GeneratedMember($"m{number}", (ulong)number))];
    }

    public Random Random { get; }

    public TrafficMix Mix { get; }

    public long Now { get; private set; }

    public ModelStore Model { get; } = new();

    public IReadOnlyList<GeneratedMember> Members { get; }

    public bool IsOver { get; private set; }

    /// <summary>Requests of unknown outcome that were done, and at which revision.</summary>
    public Dictionary<long, long> DoneUnknown { get; } = [];

    public static GeneratedHistory Generate(int seed, TrafficMix mix)
    {
        var generator = new HistoryGenerator(seed, mix);
        generator.Run();
        return new GeneratedHistory(seed, generator._records, generator.Model, generator.DoneUnknown);
    }

    public void Write(HistoryRecord record) => _records.Add(record);

    public void After(long delay, Action action) => _due.Enqueue(action, (Now + delay, _order++));

    public long Between(long least, long most) => Random.NextInt64(least, most + 1);

    public bool Chance(int percent) => Random.Next(100) < percent;

    public GeneratedMember AnyMember() => Members[Random.Next(Members.Count)];

    public int NewStream() => ++_streams;

    public int NewClient() => ++_clientIds;

    public void Add(GeneratedWatch watch) => _watches.Add(watch);

    private void Run()
    {
        Write(new HistoryRecord { RunStarted = new RunStarted { Seed = 1,
            Members = { Members.Select(member => member.Name) } } });
        foreach (var member in Members)
            StartMember(member);
        Observe();
        if (Mix.IsAudited)
            GeneratedWatch.Open(this, new WatchCreateRequest { Key = Zero, RangeEnd = Zero, StartRevision = 1, PrevKv = true,
                WatchId = 1 }, isPatient: true);
        for (int i = 0; i < Mix.WatchCount; i++)
            After(Between(0, 2 * Second), _traffic.OpenWatch);
        for (int i = 0; i < Mix.CrashCount; i++)
            After(Between(0, 4 * Second), Crash);
        _running = Mix.ClientCount;
        for (int i = 0; i < Mix.ClientCount; i++)
            After(Between(0, 100 * Millisecond), () => _traffic.Next(NewClient()));
        while (_due.TryDequeue(out var action, out var at))
        {
            Now = at.At;
            action();
        }
    }

    private static ByteString Zero { get; } = ByteString.CopyFrom(0);

    /// <returns>Whether the client has another request to make.</returns>
    public bool TakeTurn()
    {
        if (_left-- > 0)
            return true;
        if (--_running == 0)
            After(10 * Second, End);
        return false;
    }

    private void End()
    {
        IsOver = true;
        Call(NewClient(), new Request { Range = new RangeRequest { Key = Zero, RangeEnd = Zero } }, isCertain: true, _ =>
        {
            foreach (var watch in _watches)
                watch.Finish();
            Write(new HistoryRecord { RunEnded = new RunEnded { At = Now } });
        });
    }

    /// <summary>Makes a request; <paramref name="then"/> gets the answer, or the operation of unknown outcome, when it
    /// returns.</summary>
    public void Call(int client, Request request, bool isCertain, Action<Operation> then)
    {
        var member = AnyMember();
        var operation = new Operation { Id = ++_operationIds, Client = client, Member = member.Name, CalledAt = Now,
            Request = request };
        if (!isCertain && Chance(Mix.UnknownPercent))
        {
            Lose(operation, member, then);
            return;
        }
        After(Between(1, 20 * Millisecond), () =>
        {
            Execute(operation, member);
            After(Between(1, 20 * Millisecond), () => Return(operation, then));
        });
    }

    private void Lose(Operation operation, GeneratedMember member, Action<Operation> then)
    {
        // Done at once, long after the client gave up, or never.
        if (Chance(60))
        {
            After(Chance(70) ? Between(1, 20 * Millisecond) : Between(1, 3 * Second), () =>
            {
                var done = operation.Clone();
                long before = Model.Revision;
                Execute(done, member);
                if (Model.Revision > before)
                    DoneUnknown[operation.Id] = Model.Revision;
            });
        }
        (operation.Outcome, operation.ErrorCode, operation.ErrorText) = (Outcome.Unknown, 4, "deadline exceeded");
        After(200 * Millisecond, () => Return(operation, then));
    }

    private void Return(Operation operation, Action<Operation> then)
    {
        operation.ReturnedAt = Now;
        Write(new HistoryRecord { Operation = operation });
        then(operation);
    }

    private void Execute(Operation operation, GeneratedMember member)
    {
        try
        {
            operation.Response = Answer(operation.Request, member);
            operation.Outcome = Outcome.Ok;
        }
        catch (EtcdException refusal)
        {
            (operation.Outcome, operation.ErrorCode, operation.ErrorText) =
                (Outcome.Failed, (int)refusal.Error.Code, refusal.Error.Text);
        }
    }

    private Response Answer(Request request, GeneratedMember member)
    {
        if (request.Range is { Serializable: true } range)
        {
            // A member that lags, but never goes back.
            member.Applied = Math.Max(member.Applied, Between(1, Model.Revision));
            return new Response { Range = Stamped(Model.AsOf(member.Applied, Model.Compacted).Range(range), member) };
        }
        if (request.LeaseKeepAlive is { } renewal)
            return new Response { LeaseKeepAlive = Renew(renewal, member) };
        if (request.LeaseTimeToLive is { } question)
            return new Response { LeaseTimeToLive = TimeToLive(question, member) };
        var response = request.Range is not null ? new Response { Range = Model.Range(request.Range).Clone() } : Apply(request);
        member.Applied = Model.Revision;
        var header = Chaos.Checkers.Store.OperationFacts.Header(response)!;
        header.MemberId = member.Id;
        return response;
    }

    private Response Apply(Request request)
    {
        switch (request.RpcCase)
        {
            case Request.RpcOneofCase.Put: return new Response { Put = Applied<PutResponse>(request.Put) };
            case Request.RpcOneofCase.DeleteRange: return new Response { DeleteRange =
                Applied<DeleteRangeResponse>(request.DeleteRange) };
            case Request.RpcOneofCase.Txn: return new Response { Txn = Applied<TxnResponse>(request.Txn) };
            case Request.RpcOneofCase.Compaction: return new Response { Compaction =
                Applied<CompactionResponse>(request.Compaction) };
            case Request.RpcOneofCase.LeaseRevoke:
                var revoked = new Response { LeaseRevoke = Applied<LeaseRevokeResponse>(request.LeaseRevoke) };
                _leases.Remove(request.LeaseRevoke.ID);
                return revoked;
            default:
                var granted = new Response { LeaseGrant = Applied<LeaseGrantResponse>(request.LeaseGrant) };
                Extend(request.LeaseGrant.ID, request.LeaseGrant.TTL);
                return granted;
        }
    }

    private T Applied<T>(IMessage request) where T : class, IMessage, IDeepCloneable<T>
    {
        Model.Apply(request);
        if (Model.Error is { } error)
            throw new EtcdException(error);
        return ((T)Model.Response!).Clone();
    }

    private static RangeResponse Stamped(RangeResponse response, GeneratedMember member)
    {
        var stamped = response.Clone();
        stamped.Header.MemberId = member.Id;
        return stamped;
    }

    private void Extend(long lease, long ttl)
    {
        long until = Now + ttl * Second;
        _leases[lease] = (until, ttl);
        After(ttl * Second + Between(0, 500 * Millisecond), () =>
        {
            if (_leases.TryGetValue(lease, out var now) && now.Until == until && Model.Leases.Contains(lease))
            {
                _leases.Remove(lease);
                Model.Apply(new LeaseRevokeRequest { ID = lease });
            }
        });
    }

    private LeaseKeepAliveResponse Renew(LeaseKeepAliveRequest request, GeneratedMember member)
    {
        var header = new ResponseHeader { MemberId = member.Id, Revision = member.Applied =
            Math.Max(member.Applied, Between(1, Model.Revision)) };
        if (!_leases.TryGetValue(request.ID, out var lease))
            return new LeaseKeepAliveResponse { Header = header, ID = request.ID };
        Extend(request.ID, lease.Ttl);
        return new LeaseKeepAliveResponse { Header = header, ID = request.ID, TTL = lease.Ttl };
    }

    private LeaseTimeToLiveResponse TimeToLive(LeaseTimeToLiveRequest request, GeneratedMember member)
    {
        var header = new ResponseHeader { MemberId = member.Id, Revision = member.Applied =
            Math.Max(member.Applied, Between(1, Model.Revision)) };
        if (!_leases.TryGetValue(request.ID, out var lease))
            return new LeaseTimeToLiveResponse { Header = header, ID = request.ID, TTL = -1 };
        var response = new LeaseTimeToLiveResponse { Header = header, ID = request.ID,
            TTL = Math.Max(0, (lease.Until - Now) / Second), GrantedTTL = lease.Ttl };
        if (request.Keys)
            response.Keys.Add(Model.KeysOf(request.ID));
        return response;
    }

    private void StartMember(GeneratedMember member)
    {
        member.Applied = 1;
        Write(new HistoryRecord { ProcessChanged = new ProcessChanged { At = Now, Member = member.Name,
            Kind = ProcessChanged.Types.Kind.Started } });
        Write(new HistoryRecord { ProcessChanged = new ProcessChanged { At = Now, Member = member.Name,
            Kind = ProcessChanged.Types.Kind.Ready } });
    }

    /// <summary>Ends the member's watch streams, lets it start again behind, and another one lead.</summary>
    private void Crash()
    {
        var member = AnyMember();
        foreach (var watch in _watches.Where(watch => watch.Member == member).ToList())
            watch.Break();
        StartMember(member);
        _term++;
        foreach (var (lease, time) in _leases.ToList())
            Extend(lease, time.Ttl);
        Observe();
    }

    private void Observe()
    {
        foreach (var member in Members)
        {
            Write(new HistoryRecord
            {
                MemberObserved = new MemberObserved
                {
                    At = Now, Member = member.Name, MemberId = member.Id, Term = _term, LeaderId = _term % 3 + 1,
                    Role = member.Id == _term % 3 + 1 ? Role.Leader : Role.Follower, Revision = member.Applied,
                },
            });
        }
    }
}

/// <summary>A member, as far as what it shows: how far it has applied.</summary>
internal sealed class GeneratedMember(string name, ulong id)
{
    public string Name => name;

    public ulong Id => id;

    public long Applied { get; set; } = 1;
}

internal sealed record GeneratedHistory(int Seed, IReadOnlyList<HistoryRecord> Records, ModelStore Model,
    IReadOnlyDictionary<long, long> DoneUnknown);
