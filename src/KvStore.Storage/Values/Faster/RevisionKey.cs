using System.Numerics;
using System.Runtime.InteropServices;
using FASTER.core;
using KvStore.Raft;

namespace KvStore.Storage.Values.Faster;

/// <summary>A key in FASTER's log: a revision, and for the pieces of a long value the piece's number.</summary>
/// <remarks>
/// <code>
/// 0        8                          16
/// | main   | sub (48 bits) | piece (16) |     little endian; piece 0 is the value itself or the head of its pieces
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct RevisionKey(long Main, ulong SubAndPiece)
{
    public const int SizeBytes = 16;

    public const int PieceLimit = ushort.MaxValue;

    private const int SubBits = 48;

    private const ulong SubMask = (1UL << SubBits) - 1;

    public Revision Revision => new(Main, (long)(SubAndPiece & SubMask));

    public int Piece => (int)(SubAndPiece >> SubBits);

    public static RevisionKey Of(Revision revision, int piece = 0)
    {
        Invariant.Holds(revision.Main >= 0);
        Invariant.Holds((ulong)revision.Sub <= SubMask);
        Invariant.Holds(piece is >= 0 and <= PieceLimit);
        return new RevisionKey(revision.Main, (ulong)revision.Sub | (ulong)piece << SubBits);
    }
}

/// <summary>Equality and hash for FASTER, which takes the bucket from the low bits and a tag from the high ones.</summary>
internal sealed class RevisionKeyComparer : IFasterEqualityComparer<RevisionKey>
{
    public long GetHashCode64(ref RevisionKey key)
    {
        // Revisions count up by one, so the bits must be spread: two rounds of multiply and fold (as splitmix64 ends).
        ulong hash = (ulong)key.Main ^ BitOperations.RotateLeft(key.SubAndPiece * 0x9FB21C651E98DF25UL, 32);
        hash = (hash ^ hash >> 30) * 0xBF58476D1CE4E5B9UL;
        hash = (hash ^ hash >> 27) * 0x94D049BB133111EBUL;
        return (long)(hash ^ hash >> 31);
    }

    public bool Equals(ref RevisionKey left, ref RevisionKey right) => left == right;
}
