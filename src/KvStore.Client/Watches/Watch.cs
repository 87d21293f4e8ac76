using System.Threading.Channels;
using KvStore.Protocol;

namespace KvStore.Client;

/// <summary>One watch: events of a range, in order, each once, whatever endpoints they come from. One reader.</summary>
/// <remarks>Made by <see cref="WatchClient.StartAsync"/>; goes on until it is disposed, or the server ends it for good.</remarks>
public sealed class Watch : IAsyncDisposable
{
    private readonly WatchOptions _options;
    private readonly KeyRange _range;
    private readonly Channel<WatchBatch> _batches =
        Channel.CreateUnbounded<WatchBatch>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
    private readonly TaskCompletionSource<long> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly EventAssembler _events;
    private long _bufferedBytes;
    private volatile bool _isPaused;
    private bool _isProgressAwaited;

    internal Watch(KeyRange range, WatchOptions options)
    {
        _range = range;
        _options = options;
        _events = new EventAssembler(options.StartRevision);
    }

    /// <summary>Bytes of events that wait to be read.</summary>
    public long BufferedBytes => Interlocked.Read(ref _bufferedBytes);

    /// <summary>The stream it belongs to; set once, before anything else happens to the watch.</summary>
    internal WatchStream Stream { get; set; } = null!;

    /// <summary>By which the server knows it on the stream that is open; 0 if it does not. The stream's, under its
    /// lock.</summary>
    internal long Id { get; set; }

    /// <summary>Held back until its reader has caught up. Written under the stream's lock.</summary>
    internal bool IsPaused
    {
        get => _isPaused;
        set => _isPaused = value;
    }

    internal Task<long> Started => _started.Task;

    /// <summary>The batches as they come; ends only by an exception, or when the watch is disposed.</summary>
    /// <exception cref="WatchCompactedException">The next events were compacted away.</exception>
    /// <exception cref="WatchEndedException">The server ended the watch and would do so again.</exception>
    public async IAsyncEnumerable<WatchBatch> ReadAllAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (await _batches.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            while (TryRead(out var batch))
                yield return batch;
        }
    }

    /// <summary>The next batch.</summary>
    /// <exception cref="WatchCompactedException">The next events were compacted away.</exception>
    /// <exception cref="WatchEndedException">The server ended the watch and would do so again.</exception>
    /// <exception cref="ObjectDisposedException">The watch is disposed and everything was read.</exception>
    public async ValueTask<WatchBatch> ReadAsync(CancellationToken cancellationToken = default)
    {
        while (await _batches.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (TryRead(out var batch))
                return batch;
        }

        throw new ObjectDisposedException(nameof(Watch));
    }

    /// <summary>A batch that is there already.</summary>
    public bool TryRead([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out WatchBatch? batch)
    {
        if (!_batches.Reader.TryRead(out batch))
            return false;
        long left = Interlocked.Add(ref _bufferedBytes, -SizeOf(batch));
        // Begun again early enough for the next events to be there when the last ones are read.
        if (_isPaused && left <= _options.BufferBytes / 4)
            Stream.Resume(this);
        return true;
    }

    /// <summary>Asks the server how far it is; the answer is a batch without events. None comes if some watch on the same stream
    /// lags behind: ask again. All watches of a client share few streams.</summary>
    public void RequestProgress() => Stream.RequestProgress(this);

    public ValueTask DisposeAsync()
    {
        Stream.Remove(this);
        End(null);
        return ValueTask.CompletedTask;
    }

    internal WatchRequest CreateRequest() => new()
    {
        CreateRequest = new WatchCreateRequest
        {
            Key = _range.Key,
            RangeEnd = _range.End,
            StartRevision = _events.NextRevision,
            ProgressNotify = _options.WithProgress,
            PrevKv = _options.WithPrevKv,
            Filters = { Filters() },
            WatchId = Id,
            Fragment = true,
        },
    };

    /// <summary>The server has made the watch.</summary>
    internal void Begin(long revision)
    {
        _events.Begin(revision);
        _started.TrySetResult(revision);
    }

    /// <returns>False if the reader is too far behind to take it: to be delivered again later.</returns>
    internal bool TryTake(WatchResponse response)
    {
        if (response.Events.Count == 0 && !response.Fragment)
        {
            TakeProgress(response.Header.Revision, isAsked: _options.WithProgress);
            return true;
        }

        if (_events.Add(response.Events, response.Fragment) is not { } batch)
            return true;
        if (BufferedBytes >= _options.BufferBytes)
            return false;
        _events.Delivered(batch);
        Buffer(batch);
        return true;
    }

    internal void AwaitProgress() => _isProgressAwaited = true;

    /// <summary>The answer to a request for progress, perhaps another watch's.</summary>
    internal void TakeProgress(long revision)
    {
        TakeProgress(revision, _isProgressAwaited);
        _isProgressAwaited = false;
    }

    /// <summary>No more batches come; the first end counts.</summary>
    internal void End(EtcdException? reason)
    {
        _batches.Writer.TryComplete(reason);
        if (_started.TrySetException(reason ?? (Exception)new ObjectDisposedException(nameof(Watch))))
            _ = _started.Task.Exception; // Who does not wait for the start learns of it by reading.
    }

    private void TakeProgress(long revision, bool isAsked)
    {
        _events.Progress(revision);
        if (isAsked)
            Buffer(new WatchBatch(revision, []));
    }

    private void Buffer(WatchBatch batch)
    {
        Interlocked.Add(ref _bufferedBytes, SizeOf(batch));
        _batches.Writer.TryWrite(batch);
    }

    private IEnumerable<WatchCreateRequest.Types.FilterType> Filters()
    {
        if (_options.SkipPuts)
            yield return WatchCreateRequest.Types.FilterType.Noput;
        if (_options.SkipDeletes)
            yield return WatchCreateRequest.Types.FilterType.Nodelete;
    }

    // About what it takes in memory.
    private static long SizeOf(WatchBatch batch)
    {
        const int EventOverhead = 200;
        long size = EventOverhead;
        foreach (var change in batch.Events)
            size += EventOverhead + SizeOf(change.Kv) + SizeOf(change.PrevKv);
        return size;
    }

    private static int SizeOf(KeyValue? kv) => kv is null ? 0 : kv.Key.Length + kv.Value.Length;
}
