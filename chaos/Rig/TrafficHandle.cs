using System.Diagnostics;
using System.Text.Json;
using KvStore.Chaos.Traffic;

namespace KvStore.Chaos.Rig;

/// <summary>The traffic's process, from the runner's side.</summary>
internal sealed class TrafficHandle : IDisposable
{
    // Its last leases, the last read with its repetitions and the watches take 40 s at most; a busy machine more.
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(120);

    private readonly Process _process;
    private readonly Task _reading;

    private TrafficHandle(Process process)
    {
        _process = process;
        Ended = process.WaitForExitAsync();
        _reading = ReadAsync();
    }

    /// <summary>As last told.</summary>
    public TrafficCounts Counts { get; private set; } = new();

    /// <summary>Ends when the process does, whatever the reason.</summary>
    public Task Ended { get; }

    public static async Task<TrafficHandle> StartAsync(RigNetwork network, TrafficOptions options, string folder)
    {
        string file = Path.Combine(folder, "traffic.json");
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(options));
        string self = Environment.ProcessPath ?? throw new RigException("the path of this program is not known");
        string[] words = [.. network.Enter(RigNetwork.TrafficNamespace), self, "traffic", file];
        var start = new ProcessStartInfo(words[0], words[1..]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        return new TrafficHandle(Process.Start(start) ?? throw new RigException("the traffic did not start"));
    }

    /// <summary>Lets the requests under way end, and the process with them.</summary>
    /// <exception cref="RigException">It failed, or did not end.</exception>
    public async Task StopAsync()
    {
        _process.StandardInput.Close();
        try
        {
            await Ended.WaitAsync(EndLimit);
            await _reading;
        }
        catch (TimeoutException)
        {
            throw new RigException($"the traffic did not end in {EndLimit.TotalSeconds} s");
        }
        if (_process.ExitCode != 0)
            throw new RigException($"the traffic ended with {_process.ExitCode}");
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
            Counts = JsonSerializer.Deserialize<TrafficCounts>(line) ?? Counts;
    }
}
