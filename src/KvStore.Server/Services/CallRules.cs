using KvStore.Grpc;
using KvStore.Mvcc.Errors;
using KvStore.Protocol;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Services;

/// <summary>What a call must meet, whatever it asks for: a learner serves little, and a caller may insist on a leader.</summary>
internal sealed class CallRules : IDisposable
{
    /// <summary>Metadata of clients that would rather be refused than served by a member that has lost the others.</summary>
    private const string RequireLeader = "hasleader";

    /// <summary>Election timeouts without a leader after which streams of such clients are cut, as etcd does.</summary>
    private const int PatienceElections = 3;

    private readonly Member _member;
    private readonly ITimer _timer;
    private CancellationTokenSource _leaderLost = new();
    private int _electionsWithoutLeader;

    public CallRules(Member member, TimeProvider time)
    {
        _member = member;
        _timer = time.CreateTimer(_ => LookForLeader(), null, member.Options.ElectionTimeout, member.Options.ElectionTimeout);
    }

    /// <exception cref="EtcdException">The call is refused.</exception>
    public void Admit(object request, ServerCallContext context)
    {
        if (_member.IsLearner && request is not (StatusRequest or RangeRequest { Serializable: true }))
            throw new EtcdException(EtcdError.NotSupportedForLearner);
        if (!_member.HasLeader && RequiresLeader(context))
            throw new EtcdException(EtcdError.NoLeader);
    }

    /// <summary>Runs a stream until it ends, the call does, or its client has to be told that the leader is lost.</summary>
    public async Task RunStreamAsync(ServerCallContext context, Func<CancellationToken, Task> stream)
    {
        if (_member.IsLearner)
            throw EtcdCalls.ToRpcException(new EtcdException(EtcdError.NotSupportedForLearner));
        if (!RequiresLeader(context))
        {
            await stream(context.CancellationToken);
            return;
        }
        if (!_member.HasLeader)
            throw EtcdCalls.ToRpcException(new EtcdException(EtcdError.NoLeader));
        var lost = Volatile.Read(ref _leaderLost).Token;
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lost);
        try
        {
            await stream(ending.Token);
        }
        catch (OperationCanceledException) when (lost.IsCancellationRequested && !context.CancellationToken.IsCancellationRequested)
        {
            throw EtcdCalls.ToRpcException(new EtcdException(EtcdError.NoLeader));
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        _leaderLost.Dispose();
    }

    private static bool RequiresLeader(ServerCallContext context) => context.GetRequestHeader(RequireLeader) == "true";

    private void LookForLeader()
    {
        if (_member.HasLeader)
        {
            _electionsWithoutLeader = 0;
            return;
        }
        if (++_electionsWithoutLeader != PatienceElections)
            return;
        Interlocked.Exchange(ref _leaderLost, new CancellationTokenSource()).Cancel();
    }
}
