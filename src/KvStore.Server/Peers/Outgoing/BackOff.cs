namespace KvStore.Server.Peers.Outgoing;

/// <summary>Pauses that double up to a limit, each a quarter shorter or longer by chance, so that members do not retry in step.</summary>
internal sealed class BackOff(TimeSpan least, TimeSpan most)
{
    private TimeSpan _next;

    public TimeSpan Next()
    {
        var pause = _next < least ? least : _next;
        _next = pause * 2 < most ? pause * 2 : most;
        return pause * (0.75 + (0.5 * Random.Shared.NextDouble()));
    }

    public void Reset() => _next = TimeSpan.Zero;
}
