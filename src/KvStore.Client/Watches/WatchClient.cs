namespace KvStore.Client;

/// <summary>Watches: thousands of them share few streams.</summary>
public sealed class WatchClient
{
    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(1);

    private readonly StreamOpener _opener;
    private readonly ClientOptions _options;
    private readonly Lock _gate = new();
    private readonly List<WatchStream> _streams = [];
    private readonly ITimer _silenceTimer;
    private bool _isDisposed;

    internal WatchClient(StreamOpener opener, ClientOptions options)
    {
        _opener = opener;
        _options = options;
        _silenceTimer = options.TimeProvider.CreateTimer(
            static self => ((WatchClient)self!).CheckSilence(), this, CheckInterval, CheckInterval);
    }

    /// <summary>Streams that are open at this moment.</summary>
    public int OpenStreamCount
    {
        get
        {
            lock (_gate)
                return _streams.Count(stream => stream.IsOpen);
        }
    }

    /// <summary>Makes a watch and waits until a server has it: then every later change of the range will be delivered.</summary>
    /// <remarks>From then on it goes on by itself, on whatever endpoint, from the last revision that was delivered. How long to
    /// wait for a server is <see cref="ClientOptions.CallTimeout"/>. The token ends the waiting only.</remarks>
    /// <param name="range">An empty key is one zero byte, as etcd has it.</param>
    /// <returns>A watch whose start was compacted away is made all the same; reading it says so.</returns>
    /// <exception cref="WatchEndedException">Refused, for want of permission say.</exception>
    /// <exception cref="EtcdException">No endpoint answered in time.</exception>
    public async Task<Watch> StartAsync(
        KeyRange range, WatchOptions? options = null, CancellationToken cancellationToken = default)
    {
        var watch = new Watch(range, options ?? new WatchOptions());
        Pick(watch);
        try
        {
            await watch.Started.WaitAsync(_options.CallTimeout, _options.TimeProvider, cancellationToken).ConfigureAwait(false);
            return watch;
        }
        catch (Exception exception)
        {
            await watch.DisposeAsync().ConfigureAwait(false);
            if (exception is TimeoutException)
                throw new EtcdException(
                    Grpc.StatusCode.DeadlineExceeded, "no endpoint has taken the watch in time", cause: exception);
            throw;
        }
    }

    internal async ValueTask DisposeAsync()
    {
        await _silenceTimer.DisposeAsync().ConfigureAwait(false);
        WatchStream[] streams;
        lock (_gate)
        {
            _isDisposed = true;
            streams = [.. _streams];
        }

        foreach (var stream in streams)
            await stream.DisposeAsync().ConfigureAwait(false);
    }

    // The emptiest stream; a further one only when all are full.
    private void Pick(Watch watch)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, typeof(EtcdClient));
            var stream = _streams.MinBy(stream => stream.Count);
            if (stream is null || (stream.Count >= _options.WatchesPerStream && _streams.Count < _options.MaxWatchStreams))
                _streams.Add(stream = new WatchStream(_opener, _options));
            stream.Add(watch);
        }
    }

    private void CheckSilence()
    {
        WatchStream[] streams;
        lock (_gate)
            streams = [.. _streams];
        foreach (var stream in streams)
            stream.CheckSilence();
    }
}
