using KvStore.Raft;
using KvStore.Server.Logging;
using KvStore.Server.Peers.Wire;

namespace KvStore.Server.Peers.Outgoing;

/// <summary>Keeps one stream to one peer up, and writes to it what is queued.</summary>
/// <remarks>
/// Two activities: one connects, listens to the answers, and connects again; the other, the pump, runs on the thread pool while
/// there is something to write. Whoever queues a message only wakes the pump.
/// </remarks>
internal sealed class PeerSender : IThreadPoolWorkItem
{
    /// <summary>What is written at once, at most; an urgent message waits for no more than that.</summary>
    private const int BatchBytes = 256 << 10;

    /// <summary>Small messages kept while there is no stream, such as a candidate's first requests for votes; the newest count.</summary>
    private const int WaitingLimit = 16;

    private readonly NodeId _peer;
    private readonly PeerTransportOptions _options;
    private readonly IPeerReceiver _receiver;
    private readonly PeerDialer _dialer;
    private readonly PeerActivity _activity;
    private readonly PeerCounters _counters;
    private readonly SendQueue _queue;
    private readonly FrameBatch _batch;
    private readonly CancellationTokenSource _stopping = new();
    private readonly BackOff _backOff;
    private TaskCompletionSource _hurried = NewSignal();
    private IReadOnlyList<string> _urls;
    private int _nextUrl;
    private PeerConnection? _connection;
    private int _isPumping;
    private Task _running = Task.CompletedTask;

    public PeerSender(
        NodeId peer, IReadOnlyList<string> urls, PeerTransportOptions options, IPeerReceiver receiver, PeerDialer dialer, PeerCounters counters)
    {
        (_peer, _urls, _options, _receiver, _dialer, _counters) = (peer, urls, options, receiver, dialer, counters);
        _activity = new PeerActivity(peer, counters, options.Time);
        _queue = new SendQueue(options.QueueLimit, options.QueueLimitBytes);
        _batch = new FrameBatch(options.MemberId, options.FrameLimitBytes);
        _backOff = new BackOff(options.LeastBackOff, options.MostBackOff);
    }

    public DateTimeOffset? ActiveSince => _activity.ActiveSince;

    public TimeSpan? RoundTrip => Volatile.Read(ref _connection)?.RoundTrip;

    public IReadOnlyList<string> Urls => Volatile.Read(ref _urls);

    /// <summary>Called with the time of each ping's answer.</summary>
    public Action<TimeSpan> Answered { get; init; } = _ => { };

    public void Start() => _running = Task.Run(RunAsync);

    /// <summary>Queues a message and returns. Any thread.</summary>
    /// <remarks>
    /// Writing from here, when nothing else is under way, was measured: it saves a hand-over and loses the batches that form
    /// during one, so that 8 messages on their way cost twice the CPU.
    /// </remarks>
    public void Send(Message message)
    {
        bool isKept = Volatile.Read(ref _connection) is null
            ? SendQueue.IsUrgent(message) && _queue.TryAddNewest(message, WaitingLimit)
            : _queue.TryAdd(message);
        if (!isKept)
            ReportDropped();
        WakePump();
    }

    /// <summary>The peer is at other addresses now.</summary>
    public void SetUrls(IReadOnlyList<string> urls)
    {
        Volatile.Write(ref _urls, urls);
        if (Volatile.Read(ref _connection) is { } connection && !urls.Contains(connection.Url))
            connection.Fail("the peer has other URLs now");
        Hurry();
    }

    /// <summary>There is reason to believe that the peer can be reached now: the pause before the next attempt ends.</summary>
    public void Hurry() => Volatile.Read(ref _hurried).TrySetResult();

    /// <summary>To be called several times in each ping's interval.</summary>
    public void Tick()
    {
        if (Volatile.Read(ref _connection) is not { } connection)
            return;
        connection.Tick();
        if (connection.IsPingDue)
            WakePump();
    }

    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        Volatile.Read(ref _connection)?.Fail("this member ends the stream");
        await _running;
    }

    void IThreadPoolWorkItem.Execute() => _ = PumpAsync();

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task RunAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                if (await TryConnectAsync() is { } connection)
                    await ServeAsync(connection);
            }
            catch (Exception fault)
            {
                // Whatever it was, the peer must be tried again, or this member would not talk to it until it is restarted.
                Log.Error("a peer's stream failed unexpectedly", ("peer-id", _peer.ToString()), ("error", fault.ToString()));
                Volatile.Write(ref _connection, null);
            }
            if (!_stopping.IsCancellationRequested)
                await PauseAsync();
        }
    }

    private async Task<PeerConnection?> TryConnectAsync()
    {
        var urls = Urls;
        string url = urls[_nextUrl % urls.Count];
        try
        {
            string protocol = PeerProtocol.StreamProtocol;
            var stream = await _dialer.DialAsync(_peer, url, PeerProtocol.StreamPath, protocol, _stopping.Token);
            return new PeerConnection(url, stream, _options) { Answered = Answered };
        }
        catch (PeerRefusedException refusal)
        {
            _activity.Fail(refusal.Code, url, refusal.Message);
            if (refusal.Code == Refusal.RemovedCode)
                _receiver.RemovedFromCluster(_peer);
            if (refusal.Code == Refusal.DirectoryCode)
                _receiver.DirectoryLost(refusal.Message);
        }
        catch (PeerUnreachableException fault)
        {
            _activity.Fail(fault.Kind, url, fault.Message);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            return null;
        }
        _nextUrl++;
        return null;
    }

    private async Task ServeAsync(PeerConnection connection)
    {
        _activity.Activate(connection.Url);
        Volatile.Write(ref _connection, connection);
        if (_stopping.IsCancellationRequested)
            connection.Fail("this member ends the stream");
        WakePump();
        string reason = await connection.ReadBackAsync();
        Volatile.Write(ref _connection, null);
        // A stream that ends at once, again and again, is as good as none.
        if (_options.Time.GetElapsedTime(connection.EstablishedAt) >= _options.MostBackOff)
            _backOff.Reset();
        if (_stopping.IsCancellationRequested)
            return;
        _activity.Deactivate(reason);
        _queue.DropBulk();
        // Even if nothing was queued: what was written last may not have come.
        ReportDropped();
    }

    private async Task PauseAsync()
    {
        using var awake = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        var pause = Task.Delay(_backOff.Next(), _options.Time, awake.Token);
        await Task.WhenAny(pause, _hurried.Task);
        await awake.CancelAsync();
        if (_hurried.Task.IsCompleted)
            Volatile.Write(ref _hurried, NewSignal());
    }

    private void ReportDropped()
    {
        _counters.SentFailures.Increment();
        _receiver.ReportUnreachable(_peer);
    }

    private void WakePump()
    {
        if (Volatile.Read(ref _isPumping) == 0 && Interlocked.Exchange(ref _isPumping, 1) == 0)
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private async Task PumpAsync()
    {
        do
        {
            while (Volatile.Read(ref _connection) is { IsFailed: false } connection && Fill(connection))
                await WriteAsync(connection);
            // Whoever queues from now on starts the pump again; who did so before is seen here.
            Interlocked.Exchange(ref _isPumping, 0);
        }
        while (HasWork() && Interlocked.Exchange(ref _isPumping, 1) == 0);
    }

    private bool HasWork() =>
        Volatile.Read(ref _connection) is { IsFailed: false } connection && (connection.IsPingDue || !_queue.IsEmpty);

    /// <returns>Whether there is something to write.</returns>
    private bool Fill(PeerConnection connection)
    {
        _batch.Clear();
        if (connection.TryTakePing(out ulong number))
            _batch.AddPing(number);
        int count = 0;
        while (_batch.SizeBytes < BatchBytes && _queue.TryTake(out var message))
        {
            if (_batch.TryAdd(message))
                count++;
            else
                RefuseOversized(message);
        }
        _counters.SentMessages.Add(count);
        return _batch.SizeBytes > 0;
    }

    private async ValueTask WriteAsync(PeerConnection connection)
    {
        try
        {
            await _batch.WriteToAsync(connection.Stream, CancellationToken.None);
            _counters.SentBytes.Add(_batch.SizeBytes);
        }
        // A stream that is closed under a write may answer with nearly anything; nobody else would start the pump again.
        catch (Exception fault)
        {
            connection.Fail(fault.Message);
        }
    }

    private void RefuseOversized(Message message)
    {
        Log.Error(
            "a message is too large for the peer protocol and was not sent", ("peer-id", _peer.ToString()), ("type", message.Type.ToString()),
            ("entries", message.Entries.Length), ("limit", _options.FrameLimitBytes));
        ReportDropped();
    }
}
