using System.Diagnostics;
using System.Globalization;

namespace KvStore.Grpc.Benchmark;

/// <summary>One of the servers in a process of its own, so that its CPU time can be told from the load's.</summary>
internal sealed class ServerProcess : IDisposable
{
    private readonly Process _process;

    private ServerProcess(Process process, int port)
    {
        _process = process;
        Port = port;
    }

    public int Port { get; }

    public TimeSpan CpuTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public static async Task<ServerProcess> StartAsync(string kind)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["serve", kind])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        var process = Process.Start(start)!;
        var line = await process.StandardOutput.ReadLineAsync()
            ?? throw new IOException($"the server \"{kind}\" ended before it listened");
        return new ServerProcess(process, int.Parse(line, CultureInfo.InvariantCulture));
    }

    /// <summary>The server ends when its standard input does, so also when this process is killed.</summary>
    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}
