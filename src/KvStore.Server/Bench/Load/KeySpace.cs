using System.Text;

namespace KvStore.Server.Bench.Load;

/// <summary>
/// The keys of a load: numbers as decimal digits of one width, behind a prefix, so that a ready-made request only needs its
/// digits changed.
/// </summary>
/// <example>Prefix <c>bench/</c> and 16 bytes: <c>bench/0000000000</c>, <c>bench/0000000001</c> ...</example>
public sealed record KeySpace
{
    public string Prefix { get; init; } = "bench/";

    public int KeyBytes { get; init; } = 16;

    /// <summary>The number of the first key.</summary>
    public long First { get; init; }

    /// <summary>How many keys there are.</summary>
    public long Count { get; init; } = 100_000;

    /// <summary>One after the other instead of at random.</summary>
    public bool IsSequential { get; init; }

    public int Seed { get; init; } = 1;

    /// <exception cref="LoadException">The numbers do not fit behind the prefix.</exception>
    public void Validate()
    {
        int digits = KeyBytes - Encoding.UTF8.GetByteCount(Prefix);
        if (Count < 1 || digits < 1 || (digits < 19 && First + Count > Math.Pow(10, digits)))
            throw new LoadException(
                $"{First + Count} keys do not fit into keys of {KeyBytes} bytes with the prefix '{Prefix}': give a larger " +
                "--key-size.");
    }

    public void Write(long number, Span<byte> key)
    {
        int prefixBytes = Encoding.UTF8.GetBytes(Prefix, key);
        for (int position = key.Length - 1; position >= prefixBytes; position--)
        {
            key[position] = (byte)('0' + number % 10);
            number /= 10;
        }
    }
}
