using KvStore.Simulation.Scheduling;

namespace KvStore.Simulation;

/// <summary>All that happened in a run, as a hash and, when asked for, as text: equal hashes mean equal runs.</summary>
internal sealed class Trace(TextWriter? text, VirtualTime time)
{
    private const ulong Prime = 0x100000001B3;

    /// <summary>FNV-1a over everything told so far, and when.</summary>
    public ulong Hash { get; private set; } = 0xCBF29CE484222325;

    public long EventCount { get; private set; }

    public void Add(string what, long a = 0, long b = 0)
    {
        EventCount++;
        foreach (char letter in what)
            Hash = (Hash ^ letter) * Prime;
        Mix((ulong)a);
        Mix((ulong)b);
        Mix((ulong)time.Now.Ticks);
        text?.WriteLine($"{time.Now.TotalSeconds:F6} {what} {a} {b}");
    }

    /// <summary>For whoever reads the text; it does not count.</summary>
    public void Explain(Func<string> what) => text?.WriteLine($"{time.Now.TotalSeconds:F6}   {what()}");

    private void Mix(ulong value)
    {
        for (int shift = 0; shift < 64; shift += 16)
            Hash = (Hash ^ (value >> shift & 0xFFFF)) * Prime;
    }
}
