using System.Text.Json;
using System.Threading.Channels;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Events;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>How fast a process sends events. What comes faster waits its turn.</summary>
/// <param name="PerSecond">Over time.</param>
/// <param name="Burst">At once.</param>
public sealed record EventLimits(double PerSecond = 50, int Burst = 500);

/// <summary>Sends the kubelets' events, one after another; the same one again only raises its count.</summary>
/// <remarks>
/// Each node has its own say about each object (<see cref="EventCorrelator"/>): one that tells too much of one pod takes nothing
/// from the others. When more wait than the queue holds, the newest are dropped: events are for people.
/// </remarks>
internal sealed class KubeletEvents : IAsyncDisposable
{
    private const string Component = "kubelet";
    private const int QueueLimit = 4096;

    /// <summary>How long events let others go first.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly Alarms _alarms;
    private readonly EventLimits _limits;
    private readonly CancellationToken _stopping;
    private readonly EventCorrelator _correlator = new(new EventRecorderOptions { Component = Component });
    private readonly Channel<Sighting> _queue = Channel.CreateBounded<Sighting>(
        new BoundedChannelOptions(QueueLimit) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private readonly Task _sending;
    private Func<TimeSpan, CancellationToken, Task>? _others;
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

    /// <summary>Nobody waits for an event as for a pod that starts; in a burst of pods each takes the other's processors.</summary>
    /// <param name="others">Completes when there is nobody who has to go first, or after a time.</param>
    public void LetOthersGoFirst(Func<TimeSpan, CancellationToken, Task> others) => _others = others;

    public void Emit(IKubeletApi api, string nodeName, ObjectReference about, string type, string reason, string message) =>
        _queue.Writer.TryWrite(new Sighting(api, nodeName, about, type, reason, message, _alarms.Now));

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _sending;
    }

    private async Task SendAsync()
    {
        try
        {
            await foreach (Sighting sighting in _queue.Reader.ReadAllAsync(_stopping))
            {
                await WaitForOthersAsync(sighting.At + Patience - _alarms.Now);
                if (_correlator.Correlate(ToEvent(sighting), sighting.At) is not { } write)
                    continue;
                await TakeAllowanceAsync();
                await SendAsync(sighting.Api, write.Event, write.Key);
            }
        }
        catch (Exception) when (_stopping.IsCancellationRequested)
        {
            // What is left is not told.
        }
    }

    private Task WaitForOthersAsync(TimeSpan limit) =>
        _others is { } others && limit > TimeSpan.Zero ? others(limit, _stopping) : Task.CompletedTask;

    private Event ToEvent(Sighting sighting) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = NameFor(sighting.About, sighting.At),
            Namespace = sighting.About.Namespace is { Length: > 0 } given ? given : "default",
        },
        InvolvedObject = sighting.About,
        Type = sighting.Type,
        Reason = sighting.Reason,
        Message = sighting.Message,
        FirstTimestamp = sighting.At,
        LastTimestamp = sighting.At,
        Count = 1,
        Source = new EventSource { Component = Component, Host = sighting.NodeName },
        ReportingComponent = Component,
        ReportingInstance = sighting.NodeName,
    };

    private string NameFor(ObjectReference about, DateTimeOffset at) => EventName.Of(about, at, _sequence++);

    private async Task TakeAllowanceAsync()
    {
        while (true)
        {
            DateTimeOffset now = _alarms.Now;
            _allowance = Math.Min(_limits.Burst, _allowance + (now - _allowanceAt).TotalSeconds * _limits.PerSecond);
            _allowanceAt = now;
            if (_allowance >= 1)
            {
                _allowance--;
                return;
            }
            await _alarms.DelayAsync(TimeSpan.FromSeconds((1 - _allowance) / _limits.PerSecond), _stopping);
        }
    }

    private async Task SendAsync(IKubeletApi api, Event told, string key)
    {
        try
        {
            bool isKnown = told is { Count: > 1, ResourceVersion.Length: > 0 };
            _correlator.Written(key, isKnown ? await RaiseAsync(api, told) : await api.CreateAsync(told, _stopping));
        }
        catch (Exception) when (!_stopping.IsCancellationRequested)
        {
            // Lost: the namespace is going, or nobody answers. People can do without.
        }
    }

    private async Task<Event> RaiseAsync(IKubeletApi api, Event told)
    {
        byte[] patch = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object?>
        {
            ["count"] = told.Count,
            ["lastTimestamp"] = told.LastTimestamp!.Value.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture),
            ["message"] = told.Message,
        });
        try
        {
            await api.MergeAsync<Event>(told.Namespace, told.Name, patch, _stopping);
            return told;
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            // Its time was over: told anew, with its count.
            Event anew = told.DeepClone();
            anew.Metadata = new ObjectMeta { Name = NameFor(told.InvolvedObject!, told.LastTimestamp!.Value), Namespace = told.Namespace };
            return await api.CreateAsync(anew, _stopping);
        }
    }

    private sealed record Sighting(IKubeletApi Api, string NodeName, ObjectReference About, string Type, string Reason, string Message, DateTimeOffset At);
}
