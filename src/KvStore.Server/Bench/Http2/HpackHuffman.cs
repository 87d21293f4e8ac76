using System.Text;

namespace KvStore.Server.Bench.Http2;

/// <summary>Decodes the strings that HPACK packs with its fixed Huffman code (RFC 7541, §5.2 and Appendix B).</summary>
/// <remarks>
/// The code is canonical: codes of one length follow each other in the order of their symbols, and the first code of a length
/// follows the last one of the length before. So the lengths alone are the whole table:
/// <code>
/// length 5: '0' = 00000, '1' = 00001, '2' = 00010, 'a' = 00011 ... 't' = 01001     length 6: ' ' = 010100 ...
/// </code>
/// </remarks>
internal static class HpackHuffman
{
    private const int EndOfString = 256;
    private const int LongestCode = 30;

    /// <summary>Bits of the code of each byte, and of <see cref="EndOfString"/> last.</summary>
    private static ReadOnlySpan<byte> CodeLengths =>
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
        28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
        5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
        7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
        6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
        24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
        21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
        19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
        26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ];

    /// <summary>All symbols by length of code, then by value: the order of their codes.</summary>
    private static readonly short[] _symbols = SortSymbols();

    /// <summary>For each length: its first code, how many there are, and where their symbols start.</summary>
    private static readonly (uint First, uint Count, int Offset)[] _lengths = MeasureLengths();

    public static string Decode(ReadOnlySpan<byte> packed)
    {
        var text = new StringBuilder(packed.Length * 2);
        uint code = 0;
        int bits = 0;
        foreach (byte octet in packed)
        {
            for (int shift = 7; shift >= 0; shift--)
            {
                code = (code << 1) | (uint)((octet >> shift) & 1);
                if (++bits > LongestCode)
                    throw new Http2Exception("a Huffman-coded header with a code that does not exist");
                var (first, count, offset) = _lengths[bits];
                if (code < first || code - first >= count)
                    continue;
                int symbol = _symbols[offset + (int)(code - first)];
                if (symbol == EndOfString)
                    throw new Http2Exception("a Huffman-coded header with an end of string inside");
                text.Append((char)symbol);
                code = 0;
                bits = 0;
            }
        }
        // The last byte is filled up with the first bits of the end of string, which are ones.
        if (bits > 7 || code != (1u << bits) - 1)
            throw new Http2Exception("a Huffman-coded header with wrong padding");
        return text.ToString();
    }

    private static short[] SortSymbols()
    {
        var symbols = new List<short>(CodeLengths.Length);
        for (int length = 1; length <= LongestCode; length++)
        {
            for (short symbol = 0; symbol < CodeLengths.Length; symbol++)
            {
                if (CodeLengths[symbol] == length)
                    symbols.Add(symbol);
            }
        }
        return [.. symbols];
    }

    private static (uint First, uint Count, int Offset)[] MeasureLengths()
    {
        var lengths = new (uint First, uint Count, int Offset)[LongestCode + 1];
        uint next = 0;
        int offset = 0;
        for (int length = 1; length <= LongestCode; length++)
        {
            next <<= 1;
            uint count = (uint)CodeLengths.Count((byte)length);
            lengths[length] = (next, count, offset);
            next += count;
            offset += (int)count;
        }
        return lengths;
    }
}
