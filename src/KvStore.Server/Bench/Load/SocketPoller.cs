using System.Net.Sockets;

namespace KvStore.Server.Bench.Load;

/// <summary>Tells one thread which of its sockets have something for it: the load generator has no other threads.</summary>
internal abstract class SocketPoller : IDisposable
{
    public static SocketPoller Create() => OperatingSystem.IsLinux() ? new EpollPoller() : new SelectPoller();

    /// <summary>Watches a socket for input; <paramref name="token"/> is what <see cref="Wait"/> reports.</summary>
    public abstract void Add(Socket socket, int token);

    /// <summary>Also, or no longer, watches for room to write.</summary>
    public abstract void WatchOutput(Socket socket, int token, bool isWanted);

    /// <summary>
    /// Fills <paramref name="ready"/> with tokens of sockets to read from or write to; none when the time is up.
    /// </summary>
    public abstract int Wait(Span<int> ready, TimeSpan timeout);

    public abstract void Dispose();
}
