using System.Collections;

namespace KvStore.Benchmarks.Servers;

/// <summary>The servers of one scenario, ended together; when one does not start, those before it are ended too.</summary>
internal sealed class ServerFleet : IReadOnlyList<ServerProcess>, IDisposable
{
    private readonly List<ServerProcess> _servers = [];

    public ServerFleet(IEnumerable<Func<ServerProcess>> starts)
    {
        try
        {
            foreach (var start in starts)
                _servers.Add(start());
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public int Count => _servers.Count;

    public ServerProcess this[int index] => _servers[index];

    public IEnumerator<ServerProcess> GetEnumerator() => _servers.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public void Dispose()
    {
        foreach (var server in _servers)
            server.Dispose();
        _servers.Clear();
    }
}
