using System.Globalization;
using KvStore.Raft;
using KvStore.Server.Configuration;
using KvStore.Server.Logging;
using KvStore.Server.Peers.Outgoing;

namespace KvStore.Server.Peers.Snapshots;

/// <summary>Brings snapshots to one peer, one at a time, and reports how each ended.</summary>
internal sealed class SnapshotLane(
    NodeId peer, Func<IReadOnlyList<string>> urls, PeerTransportOptions options, IPeerReceiver receiver, PeerDialer dialer,
    SemaphoreSlim gate, PeerCounters counters)
{
    /// <summary>Attempts in a row after which the receiver has staged nothing new; raft is told then, and decides anew.</summary>
    private const int AttemptLimit = 3;

    private readonly Lock _changing = new();
    private readonly CancellationTokenSource _stopping = new();
    private CancellationTokenSource? _superseding;
    private ulong _term;
    private Task _running = Task.CompletedTask;
    private bool _isRunning;
    private bool _isStopped;
    private Message? _next;

    /// <summary>Starts to send; returns at once. Any thread.</summary>
    /// <remarks>
    /// While one is on its way another of the same leader's term is refused: it would only begin anew. One of a later term takes
    /// its place.
    /// </remarks>
    public void Send(Message snapshot)
    {
        Message? refused = null;
        lock (_changing)
        {
            if (_isStopped)
                refused = snapshot;
            else if (!_isRunning)
                Start(snapshot);
            else if (snapshot.Term <= _term)
                refused = snapshot;
            else
                refused = Supersede(snapshot);
        }
        if (refused is not null)
            receiver.ReportSnapshot(peer, isSuccess: false);
    }

    public async Task StopAsync()
    {
        Task running;
        lock (_changing)
        {
            _isStopped = true;
            running = _running;
        }
        await _stopping.CancelAsync();
        await running;
    }

    /// <returns>The one that waited so far, if any.</returns>
    private Message? Supersede(Message snapshot)
    {
        var waited = _next;
        _next = snapshot;
        _term = snapshot.Term;
        // Not here: what is cancelled may want the lock.
        _ = _superseding!.CancelAsync();
        return waited;
    }

    private void Start(Message snapshot)
    {
        _isRunning = true;
        _term = snapshot.Term;
        _superseding = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        var cancellation = _superseding.Token;
        _running = Task.Run(() => RunAsync(snapshot, cancellation));
    }

    private async Task RunAsync(Message snapshot, CancellationToken cancellation)
    {
        bool isSuccess = await TrySendAsync(snapshot, cancellation);
        (isSuccess ? counters.SnapshotsSent : counters.SnapshotSendFailures).Increment();
        receiver.ReportSnapshot(peer, isSuccess);
        Message? refused = null;
        lock (_changing)
        {
            _superseding!.Dispose();
            _isRunning = false;
            if (_next is { } next)
            {
                _next = null;
                if (_isStopped)
                    refused = next;
                else
                    Start(next);
            }
        }
        if (refused is not null)
            receiver.ReportSnapshot(peer, isSuccess: false);
    }

    private async Task<bool> TrySendAsync(Message snapshot, CancellationToken cancellation)
    {
        long start = options.Time.GetTimestamp();
        string index = snapshot.Snapshot?.Metadata.Index.ToString(CultureInfo.InvariantCulture) ?? "";
        bool isAdmitted = false;
        try
        {
            await gate.WaitAsync(cancellation);
            isAdmitted = true;
            Log.Info("sending database snapshot", ("remote-peer-id", peer.ToString()), ("snapshot-index", index));
            await using var body = options.OpenSnapshot(snapshot);
            await SendAsync(snapshot, body, cancellation);
            Log.Info(
                "sent database snapshot", ("remote-peer-id", peer.ToString()), ("snapshot-index", index),
                ("took", GoSyntax.FormatDuration(options.Time.GetElapsedTime(start))));
            return true;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return false;
        }
        // The body's own faults may be of any kind; whatever they are, raft must hear that the transfer is over.
        catch (Exception fault)
        {
            Log.Warn(
                "failed to send database snapshot", ("remote-peer-id", peer.ToString()), ("snapshot-index", index),
                ("error", fault is IOException or SnapshotRefusedException or PeerRefusedException ? fault.Message : fault.ToString()));
            return false;
        }
        finally
        {
            if (isAdmitted)
                gate.Release();
        }
    }

    private async Task SendAsync(Message snapshot, ISnapshotBody body, CancellationToken cancellation)
    {
        var backOff = new BackOff(options.LeastBackOff, options.MostBackOff);
        byte[] staged = [];
        int attempts = 0;
        for (int i = 0; ; i++)
        {
            var addresses = urls();
            try
            {
                var stream = await dialer.DialAsync(
                    peer, addresses[i % addresses.Count], PeerProtocol.SnapshotPath, PeerProtocol.SnapshotProtocol, cancellation);
                await using var transfer = new SnapshotTransfer(snapshot, body, stream, options, counters);
                try
                {
                    await transfer.RunAsync(cancellation);
                    return;
                }
                finally
                {
                    if (transfer.ResumeToken is { } token && !token.AsSpan().SequenceEqual(staged))
                        (staged, attempts) = (token, 0);
                }
            }
            catch (IOException fault) when (++attempts < AttemptLimit)
            {
                Log.Debug("snapshot's transfer broke, going on with it", ("remote-peer-id", peer.ToString()), ("error", fault.Message));
            }
            await Task.Delay(backOff.Next(), options.Time, cancellation);
        }
    }
}
