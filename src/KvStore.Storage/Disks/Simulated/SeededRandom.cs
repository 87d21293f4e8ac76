namespace KvStore.Storage.Disks.Simulated;

/// <summary>
/// Random numbers that depend on their seed alone, on every machine and runtime (SplitMix64, Steele et al. 2014).
/// </summary>
public sealed class SeededRandom(ulong seed)
{
    private ulong _state = seed;

    public ulong NextUInt64()
    {
        ulong mixed = _state += 0x9E3779B97F4A7C15;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// <returns>A number in [0, <paramref name="limit"/>). The bias of at most 2^-32 does not matter to a simulation.</returns>
    public int Next(int limit) => (int)(((NextUInt64() >> 32) * (ulong)limit) >> 32);

    /// <returns>A number in [<paramref name="from"/>, <paramref name="to"/>].</returns>
    public int Between(int from, int to) => from + Next(to - from + 1);

    public bool Chance(double probability) => (NextUInt64() >> 11) * (1.0 / (1UL << 53)) < probability;

    public void Fill(Span<byte> bytes)
    {
        foreach (ref byte value in bytes)
            value = (byte)(NextUInt64() >> 56);
    }
}
