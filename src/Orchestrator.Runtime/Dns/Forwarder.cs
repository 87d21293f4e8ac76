using System.Text;
using Microsoft.Extensions.Logging;
using Orchestrator.Control.Dns;

namespace Orchestrator.Runtime.Dns;

/// <summary>Asks other servers, one after the other, and keeps what they say.</summary>
/// <remarks>
/// The same question is under way once, however many ask it: also where it comes back to us by some detour, so that a circle that
/// the mark in our questions does not show ends with the time that one question has.
/// </remarks>
internal sealed class Forwarder(IReadOnlyList<IUpstream> upstreams, DnsForwardingSettings settings, ForwardCache cache, ILogger log)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Task<Resolution>> _underWay = [];
    private int _waiterCount;

    // Which answered last; it is asked first.
    private int _preferred;

    public bool TryGetKept(DnsQuery query, out Resolution resolution)
    {
        bool isKept = cache.TryGet(KeyOf(query), out var kept);
        resolution = kept ?? default;
        return isKept;
    }

    /// <returns>What another server says; a failure if none says anything.</returns>
    public async Task<Resolution> AskAsync(DnsQuery query, CancellationToken ct)
    {
        if (upstreams.Count == 0)
            return Resolution.Failure(DnsCode.Refused);
        string key = KeyOf(query);
        if (cache.TryGet(key, out var kept))
            return kept.Value;
        if (Interlocked.Increment(ref _waiterCount) > settings.WaiterLimit)
        {
            Interlocked.Decrement(ref _waiterCount);
            return Resolution.Failure(DnsCode.ServerFailure);
        }
        try
        {
            return await JoinAsync(key, query, ct);
        }
        finally
        {
            Interlocked.Decrement(ref _waiterCount);
        }
    }

    private Task<Resolution> JoinAsync(string key, DnsQuery query, CancellationToken ct)
    {
        TaskCompletionSource<Resolution> asking;
        lock (_lock)
        {
            if (_underWay.TryGetValue(key, out var already))
                return already;
            if (_underWay.Count >= settings.ConcurrencyLimit)
                return Task.FromResult(Resolution.Failure(DnsCode.ServerFailure));
            asking = new TaskCompletionSource<Resolution>(TaskCreationOptions.RunContinuationsAsynchronously);
            _underWay.Add(key, asking.Task);
        }
        _ = CompleteAsync(key, query, asking, ct);
        return asking.Task;
    }

    private async Task CompleteAsync(string key, DnsQuery query, TaskCompletionSource<Resolution> asking, CancellationToken ct)
    {
        var resolution = Resolution.Failure(DnsCode.ServerFailure);
        try
        {
            if (await AskInTurnAsync(query, ct) is { } message)
            {
                cache.Add(key, message);
                resolution = ForwardedQuestion.ToResolution(message);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping: nobody will see the failure.
        }
        finally
        {
            lock (_lock)
                _underWay.Remove(key);
            asking.SetResult(resolution);
        }
    }

    /// <summary>Asks until a server gives an answer that is one; a refusal counts only when all have refused.</summary>
    private async Task<DnsMessage?> AskInTurnAsync(DnsQuery query, CancellationToken ct)
    {
        DnsMessage? refusal = null;
        int first = Volatile.Read(ref _preferred);
        int attempts = Math.Max(upstreams.Count, settings.AttemptLimit);
        for (int i = 0; i < attempts; i++)
        {
            int index = (first + i) % upstreams.Count;
            // Whoever has refused once would do so again.
            if (i >= upstreams.Count && refusal is not null)
                break;
            var answer = await upstreams[index].AskAsync(query, settings.Timeout, ct);
            if (answer is { Code: DnsCode.NoError or DnsCode.NameError })
            {
                Volatile.Write(ref _preferred, index);
                return answer;
            }
            refusal = answer ?? refusal;
            if (answer is null)
                log.LogDebug("{Server} gave no answer", upstreams[index]);
        }
        return refusal;
    }

    private static string KeyOf(DnsQuery query) => string.Create(query.Name.Length + 2, query, static (key, query) =>
    {
        Encoding.Latin1.GetChars(query.Name.Wire, key);
        key[^2] = (char)query.Type;
        key[^1] = (char)((query.IsDnssecOk ? 1 : 0) | (query.IsCheckingDisabled ? 2 : 0));
    });
}
