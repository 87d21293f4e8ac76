using KvStore.Server.Configuration;
using KvStore.Server.Logging;

namespace KvStore.Server.Tls;

/// <summary>Something read from files, and again when one of them has changed: certificates are renewed under a member.</summary>
/// <remarks>
/// A handshake costs a thousand times what looking at the times of two files does, so there is no timer and no watcher. Files
/// that cannot be read while they are being replaced leave the old state in force, and say so once for each change.
/// </remarks>
internal sealed class WatchedFiles<T>
    where T : class
{
    private readonly string[] _paths;
    private readonly Func<T> _read;
    private readonly Lock _reading = new();
    private State _state;

    /// <exception cref="ConfigurationException">The files cannot be read, or are not what they should be.</exception>
    public WatchedFiles(IEnumerable<string> paths, Func<T> read)
    {
        _paths = [.. paths];
        _read = read;
        _state = new State(Stamps(), read());
    }

    public T Current()
    {
        if (Volatile.Read(ref _state).Stamps.SequenceEqual(Stamps()))
            return _state.Value;
        lock (_reading)
            return ReadAgain();
    }

    private T ReadAgain()
    {
        DateTime[] stamps = Stamps();
        if (_state.Stamps.SequenceEqual(stamps))
            return _state.Value;
        T value = _state.Value;
        try
        {
            value = _read();
            Log.Info("read renewed TLS files", ("paths", _paths));
        }
        catch (ConfigurationException problem)
        {
            Log.Error("cannot read renewed TLS files, the old ones stay in force", ("paths", _paths), ("error", problem));
        }
        Volatile.Write(ref _state, new State(stamps, value));
        return value;
    }

    private DateTime[] Stamps() => [.. _paths.Select(File.GetLastWriteTimeUtc)];

    private sealed record State(DateTime[] Stamps, T Value);
}
