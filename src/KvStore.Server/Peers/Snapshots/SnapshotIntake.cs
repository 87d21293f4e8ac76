namespace KvStore.Server.Peers.Snapshots;

/// <summary>Takes one snapshot in at a time.</summary>
internal sealed class SnapshotIntake(PeerTransportOptions options, IPeerReceiver receiver)
{
    private readonly Lock _changing = new();
    private IncomingSnapshot? _current;
    private bool _isStopped;

    public bool IsBusy => Volatile.Read(ref _current) is not null;

    /// <summary>Receives a snapshot to its end, whichever that is.</summary>
    public async Task ReceiveAsync(IncomingSnapshot snapshot)
    {
        if (!await snapshot.ReadMessageAsync())
            return;
        if (await AdmitAsync(snapshot) is { } problem)
        {
            await snapshot.RefuseAsync(problem);
            return;
        }
        try
        {
            await snapshot.ReceiveAsync(receiver, options);
        }
        finally
        {
            lock (_changing)
                _current = null;
            snapshot.SetEnded();
        }
    }

    public async Task StopAsync()
    {
        IncomingSnapshot? current;
        lock (_changing)
        {
            _isStopped = true;
            current = _current;
        }
        if (current is not null)
            await current.CancelAsync("this member shuts down");
    }

    /// <summary>Makes it the current one. The same peer, or a leader of a later term, takes the place of the one before.</summary>
    /// <returns>What is in the way.</returns>
    private async Task<string?> AdmitAsync(IncomingSnapshot snapshot)
    {
        while (true)
        {
            IncomingSnapshot other;
            lock (_changing)
            {
                if (_isStopped)
                    return "this member shuts down";
                if (_current is null)
                {
                    _current = snapshot;
                    return null;
                }
                if (_current.From != snapshot.From && _current.Message.Term >= snapshot.Message.Term)
                    return $"another snapshot, of member {_current.From}, is being received";
                other = _current;
            }
            await other.CancelAsync("a newer snapshot took its place");
        }
    }
}
