using System.Diagnostics;

namespace KvStore.Grpc.Benchmark;

/// <summary>What one round of calls cost the server, and how fast it went.</summary>
internal readonly record struct Round(double CpuMicroseconds, double CallsPerSecond)
{
    public override string ToString() => $"{CpuMicroseconds,6:F2} us CPU a call, {CallsPerSecond,7:F0}/s";
}

/// <summary>All connections to one server; each runs on a thread of its own.</summary>
internal sealed class Load(ServerProcess server, int connectionCount, byte[] message) : IDisposable
{
    private readonly Http2Load[] _connections = Enumerable.Range(0, connectionCount)
        .Select(_ => new Http2Load(server.Port, "/echo.Echo/Say", message)).ToArray();

    public Round Run(int calls, int concurrency)
    {
        var cpu = server.CpuTime;
        var watch = Stopwatch.StartNew();
        var callsEach = calls / connectionCount;
        var threads = _connections.Select(connection => new Thread(() => connection.Run(callsEach, concurrency))).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        var seconds = watch.Elapsed.TotalSeconds;
        return new Round((server.CpuTime - cpu).TotalMicroseconds / calls, calls / seconds);
    }

    public void Dispose() => Array.ForEach(_connections, connection => connection.Dispose());
}
