using System.Text;
using System.Threading.Channels;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Client;

namespace Orchestrator.Runtime.Events;

/// <summary>Writes events about objects: <c>kubectl describe</c> shows them.</summary>
/// <remarks>
/// An event that was emitted before is counted (count and last time are patched) instead of written anew; many of one reason
/// with different messages become one "(combined from similar events)"; whoever emits too much about one object is cut off.
/// Nobody waits for it: events queue up, and are dropped when the queue is full or the server refuses them for long. How long
/// the server keeps them is its own affair (an hour).
/// </remarks>
public sealed class EventRecorder
{
    public const string Normal = "Normal";
    public const string Warning = "Warning";

    private const int MessageLimit = 1024;

    private readonly ApiClient _client;
    private readonly EventRecorderOptions _options;
    private readonly EventCorrelator _correlator;
    private readonly Channel<Event> _queue;
    private long _droppedCount;
    private int _pendingCount;
    private long _number;

    public EventRecorder(ApiClient client, EventRecorderOptions options)
    {
        _client = client;
        _options = options;
        _correlator = new EventCorrelator(options);
        _queue = Channel.CreateBounded<Event>(
            new BoundedChannelOptions(options.QueueLimit) { FullMode = BoundedChannelFullMode.Wait, SingleReader = true });
    }

    /// <summary>Events that were dropped: too many, or refused for too long.</summary>
    public long DroppedCount => Interlocked.Read(ref _droppedCount);

    /// <summary>Whether everything that was noted was written or dropped.</summary>
    public bool IsIdle => Volatile.Read(ref _pendingCount) == 0;

    /// <summary>Notes an event and returns at once.</summary>
    /// <param name="action">What was done, in a word; the reason where it is "".</param>
    /// <param name="at">When it happened; null for now. What others do because of it may be told of before this is.</param>
    public void Note(
        ObjectReference regarding, string type, string reason, string message, string action = "", ObjectReference? related = null,
        DateTimeOffset? at = null)
    {
        var moment = at ?? _client.Time.GetUtcNow();
        string ns = string.IsNullOrEmpty(regarding.Namespace) ? "default" : regarding.Namespace;
        var noted = new Event
        {
            Metadata = new ObjectMeta
            {
                Namespace = ns,
                Name = EventName.Of(regarding, moment, NextNumber()),
            },
            InvolvedObject = regarding,
            Type = type,
            Reason = reason,
            Message = Shorten(message),
            Source = new EventSource { Component = _options.Component, Host = _options.Host.Length == 0 ? null : _options.Host },
            ReportingComponent = _options.Component,
            ReportingInstance = _options.Host,
            Related = related,
            FirstTimestamp = moment,
            LastTimestamp = moment,
            Count = 1,
        };
        if (action.Length > 0)
            noted.Action = action;
        Interlocked.Increment(ref _pendingCount);
        if (_queue.Writer.TryWrite(noted))
            return;
        Interlocked.Increment(ref _droppedCount);
        Interlocked.Decrement(ref _pendingCount);
    }

    /// <summary>Writes events until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            while (await _queue.Reader.WaitToReadAsync(cancellation))
            {
                while (_queue.Reader.TryRead(out var noted))
                {
                    if (_correlator.Correlate(noted, _client.Time.GetUtcNow()) is { } write)
                        await WriteAsync(write.Event, write.Key, cancellation);
                    Interlocked.Decrement(ref _pendingCount);
                }
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The end.
        }
    }

    private long NextNumber() => Interlocked.Increment(ref _number);

    private async Task WriteAsync(Event write, string key, CancellationToken cancellation)
    {
        for (int attempt = 0; attempt < _options.RetryLimit; attempt++)
        {
            try
            {
                _correlator.Written(key, await TryWriteAsync(write, cancellation));
                return;
            }
            catch (ApiException refusal) when (!refusal.IsTooManyRequests() && refusal.Status.Code < 500)
            {
                // The object's namespace is going, or we may not: nothing that time would heal.
                break;
            }
            catch (Exception fault) when (fault is ApiException or TransportException)
            {
                var delay = attempt == 0 ? _options.RetryDelay * _options.Jitter() : _options.RetryDelay;
                await Task.Delay(delay, _client.Time, cancellation);
            }
        }
        Interlocked.Increment(ref _droppedCount);
    }

    private async Task<Event> TryWriteAsync(Event write, CancellationToken cancellation)
    {
        if (write.Count is not > 1 || write.ResourceVersion.Length == 0)
            return await CreateAsync(write, cancellation);
        string patch = $$"""
            {"count":{{write.Count}},"lastTimestamp":"{{write.LastTimestamp!.Value.ToUniversalTime():yyyy-MM-dd'T'HH:mm:ss'Z'}}","message":{{Quote(write.Message)}}}
            """;
        try
        {
            return await _client.PatchAsync<Event>(
                write.Namespace, write.Name, PatchFormat.Strategic, Encoding.UTF8.GetBytes(patch), cancellation: cancellation);
        }
        catch (ApiException refusal) when (refusal.IsNotFound)
        {
            // Its time was over: written anew, with its count.
            var anew = write.DeepClone();
            anew.Metadata = new ObjectMeta { Namespace = write.Namespace, Name = EventName.Of(write.InvolvedObject!, _client.Time.GetUtcNow(), NextNumber()) };
            return await CreateAsync(anew, cancellation);
        }
    }

    private async Task<Event> CreateAsync(Event write, CancellationToken cancellation)
    {
        try
        {
            return await _client.CreateAsync(write, cancellation: cancellation);
        }
        catch (ApiException refusal) when (refusal.IsAlreadyExists)
        {
            // Ours, whose answer was lost.
            return write;
        }
    }

    private static string Quote(string? text) => $"\"{System.Text.Json.JsonEncodedText.Encode(text ?? "")}\"";

    private static string Shorten(string message) => message.Length <= MessageLimit ? message : message[..(MessageLimit - 3)] + "...";
}
