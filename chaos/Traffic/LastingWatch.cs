using KvStore.Protocol;

namespace KvStore.Chaos.Traffic;

/// <summary>One watch over all the streams that it lives on: what it wants, and where it goes on.</summary>
/// <param name="id">On each of its streams; not 0.</param>
/// <param name="wish">Range, filters and so on; its start is where the watch begins.</param>
internal sealed class LastingWatch(long id, WatchCreateRequest wish)
{
    private int _stream;
    private bool _isWithinRevision;

    public long Id => id;

    /// <summary>The first revision that it has not wholly shown; 0 before a server has made it.</summary>
    public long NextRevision { get; private set; } = wish.StartRevision;

    /// <summary>The server has ended it: what comes next is compacted, or it was cancelled.</summary>
    public bool IsOver { get; private set; }

    /// <summary>On its stream it goes on from one before.</summary>
    public bool IsResumed { get; private set; }

    /// <summary>Its end was asked for.</summary>
    public bool IsEnding { get; private set; }

    public Task<bool> EndAsync(RecordedWatchStream stream)
    {
        IsEnding = true;
        return stream.SendAsync(new WatchRequest { CancelRequest = new WatchCancelRequest { WatchId = id } });
    }

    /// <summary>Sends the creation on a further stream.</summary>
    public async Task<bool> BeginAsync(RecordedWatchStream stream)
    {
        var create = wish.Clone();
        create.WatchId = id;
        create.StartRevision = NextRevision;
        // Where nothing is known of it, it is a new watch, whatever became of the last try.
        IsResumed = _stream != 0 && NextRevision != 0;
        bool isSent = await stream.SendAsync(
            new WatchRequest { CreateRequest = create }, IsResumed ? _stream : 0, IsResumed ? id : 0);
        _stream = stream.Number;
        _isWithinRevision = false;
        return isSent;
    }

    /// <summary>Takes note of an answer that is its own, or one of all watches of the stream.</summary>
    public void Take(WatchResponse response)
    {
        if (response.Canceled)
        {
            IsOver = true;
            return;
        }
        if (response.Created)
        {
            if (NextRevision == 0)
                NextRevision = response.Header.Revision + 1;
            return;
        }
        if (response.Events.Count > 0)
        {
            // The rest of the revision may be in the next fragment: until then it goes on at this one.
            _isWithinRevision = response.Fragment;
            NextRevision = Math.Max(NextRevision, response.Events[^1].Kv.ModRevision + (_isWithinRevision ? 0 : 1));
        }
        else if (!_isWithinRevision)
        {
            NextRevision = Math.Max(NextRevision, response.Header.Revision + 1);
        }
    }
}
