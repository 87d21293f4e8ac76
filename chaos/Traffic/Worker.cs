using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using KvStore.Chaos.History;
using KvStore.Protocol;

namespace KvStore.Chaos.Traffic;

/// <summary>One line of work: it does one step after another, each a request or a few, with pauses in between.</summary>
/// <remarks>It stays with a member for some steps: what one connection sees is seen in order. Then it moves on.</remarks>
internal abstract class Worker(TrafficContext context, int number) : IDisposable
{
    private static readonly TimeSpan AfterFailure = TimeSpan.FromMilliseconds(150);

    private RecordedClient? _client;
    private int _stepsLeft;
    private CancellationToken _stopping;

    protected TrafficContext Context => context;

    protected Recorder Recorder => context.Recorder;

    /// <summary>Every choice of this worker comes from it.</summary>
    protected Random Random { get; } = new(HashCode(context.Options.Seed, number));

    protected int Number => number;

    protected string Member { get; private set; } = "";

    protected CancellationToken Stopping => _stopping;

    /// <summary>A new one after each that was retired.</summary>
    protected RecordedClient Client
    {
        get
        {
            if (_client is null or { IsRetired: true })
            {
                _client?.Dispose();
                _client = new RecordedClient(context.Recorder, context.Members);
                ClientChanged();
            }
            return _client;
        }
    }

    /// <summary>It goes on when the others stop, until it has seen their last change.</summary>
    public virtual bool IsLast => false;

    /// <summary>Between two steps, on average.</summary>
    protected virtual TimeSpan Pause => TimeSpan.FromMilliseconds(70);

    public async Task RunAsync(CancellationToken stopping)
    {
        _stopping = stopping;
        try
        {
            while (!stopping.IsCancellationRequested)
            {
                if (--_stepsLeft < 0)
                    MoveOn();
                await StepAsync();
                await WaitAsync(Pause);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The run's end, in the middle of a pause.
        }
    }

    public virtual void Dispose() => _client?.Dispose();

    protected abstract Task StepAsync();

    /// <summary>A client was retired and another has taken its place.</summary>
    protected virtual void ClientChanged()
    {
    }

    protected void MoveOn()
    {
        Member = context.Members[Random.Next(context.Members.Count)].Name;
        _stepsLeft = Random.Next(5, 40);
    }

    protected async Task<Answer<TResponse>> CallAsync<TRequest, TResponse>(Rpc<TRequest, TResponse> rpc, TRequest request)
        where TRequest : IMessage
        where TResponse : class, IMessage
    {
        await context.Pace.WaitAsync(_stopping);
        var answer = await Client.CallAsync(rpc, Member, request, Limit(), CancellationToken.None);
        await AfterAsync(answer);
        return answer;
    }

    protected async Task<Answer<LeaseKeepAliveResponse>> KeepAliveAsync(long lease)
    {
        var request = new LeaseKeepAliveRequest { ID = lease };
        var answer = await Client.KeepAliveAsync(Member, request, Limit(), CancellationToken.None);
        await AfterAsync(answer);
        return answer;
    }

    /// <summary>Exponential: how far two requests are apart says nothing of the next two.</summary>
    protected Task WaitAsync(TimeSpan mean) =>
        Task.Delay(mean * Math.Min(5, -Math.Log(1 - Random.NextDouble())), _stopping);

    protected bool Chance(double probability) => Random.NextDouble() < probability;

    protected T OneOf<T>(params ReadOnlySpan<T> choices) => choices[Random.Next(choices.Length)];

    // A patient client learns more, an impatient one leaves more behind without knowing.
    private TimeSpan Limit() => TimeSpan.FromMilliseconds(OneOf(500, 1000, 2000, 2000, 5000));

    private async Task AfterAsync<T>(Answer<T> answer)
        where T : class
    {
        if (answer.IsOk)
        {
            context.SawRevision(Revisions.Of(answer.Response));
            return;
        }
        // It may be down or cut off: elsewhere, after a moment.
        if (answer.Outcome == Outcome.Unknown || answer.Error.Contains("connect", StringComparison.Ordinal))
        {
            MoveOn();
            await WaitAsync(AfterFailure);
        }
    }

    private static int HashCode(long seed, int number)
    {
        ulong mixed = ((ulong)seed * 0x9E3779B97F4A7C15) + ((ulong)(uint)number * 0xBF58476D1CE4E5B9);
        mixed ^= mixed >> 31;
        mixed *= 0x94D049BB133111EB;
        return (int)(mixed >> 33);
    }

    /// <summary>Where answers say how far the store is.</summary>
    private static class Revisions
    {
        public static long Of([NotNull] object response) => response switch
        {
            RangeResponse range => range.Header.Revision,
            PutResponse put => put.Header.Revision,
            TxnResponse txn => txn.Header.Revision,
            DeleteRangeResponse delete => delete.Header.Revision,
            _ => 0,
        };
    }
}
