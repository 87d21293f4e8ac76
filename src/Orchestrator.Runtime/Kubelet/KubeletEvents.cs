using System.Text.Json;
using System.Threading.Channels;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>How many events a process tells of. What is beyond is dropped: events are for people.</summary>
/// <param name="PerSecond">Over time.</param>
/// <param name="Burst">At once.</param>
public sealed record EventLimits(double PerSecond = 50, int Burst = 500);

/// <summary>Sends the kubelets' events, one after another; the same one again only raises its count.</summary>
internal sealed class KubeletEvents : IAsyncDisposable
{
    /// <summary>Events whose count can still be raised, and events that wait to be sent.</summary>
    private const int RememberedLimit = 4096;
    private const int QueueLimit = 4096;

    private readonly Alarms _alarms;
    private readonly EventLimits _limits;
    private readonly CancellationToken _stopping;
    private readonly Channel<Sighting> _queue = Channel.CreateBounded<Sighting>(
        new BoundedChannelOptions(QueueLimit) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private readonly Dictionary<string, (string Namespace, string Name, int Count)> _sent = [];
    private readonly Queue<string> _order = new();
    private readonly Task _sending;
    private readonly Lock _gate = new();
    private long _sequence;
    private double _allowance;
    private DateTimeOffset _allowanceAt;

    public KubeletEvents(Alarms alarms, EventLimits limits, CancellationToken stopping)
    {
        _alarms = alarms;
        _limits = limits;
        _stopping = stopping;
        _allowance = limits.Burst;
        _allowanceAt = alarms.Now;
        _sending = Task.Run(SendAsync, CancellationToken.None);
    }

    public void Emit(IKubeletApi api, string nodeName, ObjectReference about, string type, string reason, string message)
    {
        if (TryTakeAllowance())
            _queue.Writer.TryWrite(new Sighting(api, nodeName, about, type, reason, message, _alarms.Now));
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _sending;
    }

    private bool TryTakeAllowance()
    {
        lock (_gate)
        {
            DateTimeOffset now = _alarms.Now;
            _allowance = Math.Min(_limits.Burst, _allowance + (now - _allowanceAt).TotalSeconds * _limits.PerSecond);
            _allowanceAt = now;
            if (_allowance < 1)
                return false;
            _allowance--;
            return true;
        }
    }

    private async Task SendAsync()
    {
        try
        {
            await foreach (Sighting sighting in _queue.Reader.ReadAllAsync(_stopping))
                await SendAsync(sighting);
        }
        catch (Exception) when (_stopping.IsCancellationRequested)
        {
            // What is left is not told.
        }
    }

    private async Task SendAsync(Sighting sighting)
    {
        try
        {
            if (_sent.TryGetValue(sighting.Key, out var sent))
                await RaiseAsync(sighting, sent);
            else
                await CreateAsync(sighting);
        }
        catch (Exception) when (!_stopping.IsCancellationRequested)
        {
            _sent.Remove(sighting.Key); // Lost: the namespace is going, or nobody answers. People can do without.
        }
    }

    private async Task CreateAsync(Sighting sighting)
    {
        ObjectReference about = sighting.About;
        string ns = about.Namespace is { Length: > 0 } given ? given : "default";
        string name = $"{about.Name}.{sighting.At.UtcTicks + _sequence++:x16}"; // Two of one moment are still two.
        await sighting.Api.CreateAsync(
            new Event
            {
                Metadata = new ObjectMeta { Name = name, Namespace = ns },
                InvolvedObject = about,
                Type = sighting.Type,
                Reason = sighting.Reason,
                Message = sighting.Message,
                FirstTimestamp = sighting.At,
                LastTimestamp = sighting.At,
                Count = 1,
                Source = new EventSource { Component = "kubelet", Host = sighting.NodeName },
                ReportingComponent = "kubelet",
                ReportingInstance = sighting.NodeName,
            },
            _stopping);
        Remember(sighting.Key, (ns, name, 1));
    }

    private async Task RaiseAsync(Sighting sighting, (string Namespace, string Name, int Count) sent)
    {
        byte[] patch = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
        {
            ["count"] = sent.Count + 1,
            ["lastTimestamp"] = sighting.At.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture),
        });
        await sighting.Api.MergeAsync<Event>(sent.Namespace, sent.Name, patch, _stopping);
        _sent[sighting.Key] = sent with { Count = sent.Count + 1 };
    }

    private void Remember(string key, (string, string, int) sent)
    {
        _sent[key] = sent;
        _order.Enqueue(key);
        if (_order.Count > RememberedLimit)
            _sent.Remove(_order.Dequeue());
    }

    private sealed record Sighting(IKubeletApi Api, string NodeName, ObjectReference About, string Type, string Reason, string Message, DateTimeOffset At)
    {
        public string Key { get; } = string.Join('\n', About.Uid, About.FieldPath, Type, Reason, Message);
    }
}
