using System.Buffers.Binary;
using KvStore.Storage;
using KvStore.Storage.Disks;

namespace KvStore.Mvcc.Index;

/// <summary>A key index as a file: every retained change up to one revision.</summary>
/// <remarks>
/// <code>
/// header, 32 bytes:  "KVINDEX1" | version u32 = 1 | 0 u32 | revision i64 | 0 u32 | CRC32C u32 of the 28 bytes before
/// block:             length u32 | changes u32 | CRC32C u32 of both and the payload | payload        ... until one of length 0
/// end block:         0 u32 | blocks u32 | CRC32C u32 of both and of nothing                         the file ends here
///
/// payload: changes by key, then by revision; numbers are varints (7 bits a byte, lowest first; "signed": zigzag)
///   shared | length of the rest | the rest of the key | flags | main - the previous main, signed | [sub]
///     | [create age | version] | [lease, 8 bytes]
///   flags: 1 tombstone, 2 has a sub, 4 is not its key's creation (create age = main - create, and version follow), 8 has a lease
///
/// "pods/a" put@7, "pods/b" put@8, deleted@9:      0 6 "pods/a" 0 +7      5 1 "b" 0 +1      6 0 1 +1
/// </code>
/// Little-endian. Each block starts anew, with an empty key and revision 0 before it, so that blocks can be read by themselves.
/// </remarks>
public static class IndexFile
{
    internal const int HeaderSize = 32;
    internal const int BlockHeaderSize = 12;
    internal const uint Version = 1;

    // A block ends with the change that fills it; the longest key allowed is far below the rest.
    internal const int FullBlockSize = 128 << 10;
    internal const int MaxBlockSize = 64 << 20;

    internal static ReadOnlySpan<byte> Magic => "KVINDEX1"u8;

    /// <summary>Writes what the index retains up to the revision, as an ordinary reader beside the writer.</summary>
    /// <remarks>
    /// The caller syncs the file, and lets no compaction beyond <paramref name="revision"/> begin before this returns: the file
    /// would lack what the changes after the revision build on.
    /// </remarks>
    public static void Write(IFile file, IKeyIndex index, long revision)
    {
        file.SetLength(0);
        file.Write(0, Header(revision));
        var writer = new IndexFileWriter(file);
        using (index.BeginRead())
        {
            index.VisitHistory(KeyRange.All, 0, revision, (key, in state, isTombstone) =>
            {
                writer.Add(key, state, isTombstone);
                return true;
            });
        }
        writer.End();
    }

    /// <summary>Fills an empty index.</summary>
    /// <returns>The revision that was given to <see cref="Write"/>.</returns>
    /// <exception cref="InvalidDataException">The file is damaged, foreign or newer. The index is half full then.</exception>
    public static long Load(IFile file, IKeyIndex index)
    {
        long revision = ReadRevision(file);
        new IndexFileReader(file, revision).LoadInto(index);
        return revision;
    }

    /// <summary>The revision of a file, without reading more than its header.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, foreign or newer.</exception>
    public static long ReadRevision(IFile file)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        if (file.Read(0, header) < HeaderSize)
            throw Damage(file, 0, "it is too short");
        if (!header.StartsWith(Magic))
            throw new InvalidDataException($"'{file.Path}' is no key index");
        if (Crc32C.Of(header[..28]) != BinaryPrimitives.ReadUInt32LittleEndian(header[28..]))
            throw Damage(file, 0, "the header fails its check");
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        if (version != Version)
        {
            throw new InvalidDataException(
                $"'{file.Path}' has version {version} of the key index's format; this program reads version {Version}");
        }
        return BinaryPrimitives.ReadInt64LittleEndian(header[16..]);
    }

    internal static InvalidDataException Damage(IFile file, long offset, string what) =>
        new($"the key index '{file.Path}' is damaged at byte {offset}: {what}");

    private static byte[] Header(long revision)
    {
        byte[] header = new byte[HeaderSize];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), Version);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(16), revision);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(28), Crc32C.Of(header.AsSpan(0, 28)));
        return header;
    }
}

/// <summary>What an index file says of a change, beside its revision's main part and its key.</summary>
[Flags]
internal enum IndexFileFlags
{
    None = 0,
    Tombstone = 1,
    HasSub = 2,
    IsUpdate = 4,
    HasLease = 8,
    All = 15,
}
