using System.Globalization;

namespace Orchestrator.Runtime.Kubelet.Pressure;

/// <summary>What a whole machine uses, its pods and all else.</summary>
/// <param name="CpuNanoSeconds">Processor time since the machine's start.</param>
/// <param name="CpuNanoCores">Of late.</param>
/// <param name="MemoryBytes">What cannot be had back at once: the working set.</param>
internal readonly record struct NodeUse(long CpuNanoSeconds, long CpuNanoCores, long MemoryBytes);

/// <summary>Reads what the machine uses: processor time from <c>/proc/stat</c>, memory as the node's pressure is told by.</summary>
/// <param name="memory">Available bytes and all there are.</param>
/// <param name="proc">Where the kernel's own files are.</param>
internal sealed class MachineUse(Func<SignalValue> memory, TimeProvider clock, string proc = "/proc")
{
    /// <summary>USER_HZ, which is 100 wherever Linux runs.</summary>
    private const long NanosecondsPerTick = 10_000_000;

    /// <summary>The rate is that of so long a time, or of a little longer.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    /// <summary>A rate of a shorter time says more of the ticks than of the machine.</summary>
    private static readonly TimeSpan LeastWindow = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private (DateTimeOffset At, long Total) _before = (clock.GetUtcNow(), Total(proc));
    private long _rate;

    public NodeUse Read()
    {
        long total = Total(proc);
        DateTimeOffset now = clock.GetUtcNow();
        SignalValue bytes = memory();
        lock (_gate)
        {
            TimeSpan passed = now - _before.At;
            if (passed >= LeastWindow)
                _rate = (long)((total - _before.Total) / passed.TotalSeconds);
            if (passed >= Window)
                _before = (now, total);
            return new NodeUse(total, _rate, bytes.Capacity - bytes.Available);
        }
    }

    /// <summary>user, nice, system, irq, softirq, steal; not idle, nor waiting for a disk.</summary>
    private static long Total(string proc)
    {
        // cpu  6329932 1114468 1296754 4541105 49259 0 93055 5922 0 0
        string[] words = File.ReadLines(Path.Combine(proc, "stat")).First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        long ticks = new[] { 1, 2, 3, 6, 7, 8 }.Where(index => index < words.Length).Sum(index => long.Parse(words[index], CultureInfo.InvariantCulture));
        return ticks * NanosecondsPerTick;
    }
}
