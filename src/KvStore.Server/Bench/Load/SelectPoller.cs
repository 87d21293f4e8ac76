using System.Net.Sockets;

namespace KvStore.Server.Bench.Load;

/// <summary>Where there is no epoll: asks the system about every socket each time.</summary>
internal sealed class SelectPoller : SocketPoller
{
    private readonly Dictionary<Socket, int> _tokens = [];
    private readonly HashSet<Socket> _wantsOutput = [];

    public override void Add(Socket socket, int token) => _tokens.Add(socket, token);

    public override void WatchOutput(Socket socket, int token, bool isWanted)
    {
        if (isWanted)
            _wantsOutput.Add(socket);
        else
            _wantsOutput.Remove(socket);
    }

    public override int Wait(Span<int> ready, TimeSpan timeout)
    {
        List<Socket> readable = [.. _tokens.Keys], writable = [.. _wantsOutput];
        Socket.Select(readable, writable.Count == 0 ? null : writable, null, timeout);
        int count = 0;
        foreach (var socket in readable.Union(writable).Take(ready.Length))
            ready[count++] = _tokens[socket];
        return count;
    }

    public override void Dispose()
    {
        _tokens.Clear();
        _wantsOutput.Clear();
    }
}
