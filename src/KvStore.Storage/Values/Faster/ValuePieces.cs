using System.Buffers.Binary;

namespace KvStore.Storage.Values.Faster;

/// <summary>Puts a long value together again while the log is read in order: its pieces stand before its head.</summary>
internal sealed class ValuePieces
{
    private byte[] _bytes = [];
    private Revision _revision;

    /// <summary>Bytes of the pieces met since the last <see cref="Clear"/>.</summary>
    public int Length { get; private set; }

    public void Clear() => Length = 0;

    public void Add(RevisionKey key, ReadOnlySpan<byte> bytes)
    {
        if (key.Piece == 1 || key.Revision != _revision)
            Length = 0; // A crash left pieces without a head before these.
        _revision = key.Revision;
        if (_bytes.Length < Length + bytes.Length)
            Array.Resize(ref _bytes, Math.Max(Length + bytes.Length, _bytes.Length * 2));
        bytes.CopyTo(_bytes.AsSpan(Length));
        Length += bytes.Length;
    }

    /// <summary>The value that the pieces make.</summary>
    public ReadOnlySpan<byte> Value => _bytes.AsSpan(0, Length);

    /// <summary>Whether these are all the pieces that the head of a value speaks of.</summary>
    public bool AreComplete(Revision revision, ReadOnlySpan<byte> head) =>
        BinaryPrimitives.ReadInt32LittleEndian(head) == Length && revision == _revision;
}
