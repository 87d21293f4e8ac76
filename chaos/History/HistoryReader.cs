using System.Buffers.Binary;
using System.IO.Compression;

namespace KvStore.Chaos.History;

/// <summary>Reads a history's records one after another, in the order of the file.</summary>
/// <remarks>Not thread-safe. One block is in memory at a time.</remarks>
public sealed class HistoryReader : IDisposable
{
    private readonly Stream _file;
    private readonly string _path;

    /// <summary>The few names of members come a million times.</summary>
    private readonly Dictionary<string, string> _names = [];

    public HistoryReader(string path) : this(File.OpenRead(path), path)
    {
    }

    /// <param name="file">Owned from now on.</param>
    internal HistoryReader(Stream file, string path)
    {
        _file = file;
        _path = path;
        Span<byte> magic = stackalloc byte[HistoryFormat.Magic.Length];
        if (file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) < magic.Length
            || !magic.SequenceEqual(HistoryFormat.Magic))
            throw new InvalidDataException($"{path} is no history: it does not begin with KVCHAOS1");
    }

    /// <summary>The file ends within a block: the run was killed. Known once all records are read.</summary>
    public bool IsTorn { get; private set; }

    /// <exception cref="InvalidDataException">A block is damaged, not merely cut off.</exception>
    public IEnumerable<HistoryRecord> Records()
    {
        var header = new byte[HistoryFormat.HeaderBytes];
        while (true)
        {
            long at = _file.Position;
            int read = _file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
            if (read == 0)
                yield break;
            int length = BinaryPrimitives.ReadInt32LittleEndian(header);
            if (read == header.Length && length is < 0 or > HistoryFormat.BlockBytesLimit)
                throw Damaged(at, $"a block of {length} bytes");
            byte[] body = new byte[read < header.Length ? 0 : length];
            if (read < header.Length || _file.ReadAtLeast(body, length, throwOnEndOfStream: false) < length)
            {
                IsTorn = true;
                yield break;
            }
            if (HistoryFormat.Checksum(body) != BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8)))
                throw Damaged(at, "a checksum does not fit");
            var block = Decompress(body);
            int position = 0;
            for (int left = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(4)); left > 0; left--)
                yield return WithSharedNames(Next(block.Span, ref position));
        }
    }

    public void Dispose() => _file.Dispose();

    private static ReadOnlyMemory<byte> Decompress(byte[] body)
    {
        var block = new MemoryStream(body.Length * 4);
        using var deflate = new DeflateStream(new MemoryStream(body), CompressionMode.Decompress);
        deflate.CopyTo(block);
        return block.GetBuffer().AsMemory(0, (int)block.Length);
    }

    private static HistoryRecord Next(ReadOnlySpan<byte> block, ref int position)
    {
        int length = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte part = block[position++];
            length |= (part & 0x7f) << shift;
            if (part < 0x80)
                break;
        }
        var record = HistoryRecord.Parser.ParseFrom(block.Slice(position, length));
        position += length;
        return record;
    }

    private HistoryRecord WithSharedNames(HistoryRecord record)
    {
        if (record.Operation is { } operation)
            operation.Member = Shared(operation.Member);
        if (record.MemberObserved is { } observed)
            observed.Member = Shared(observed.Member);
        return record;
    }

    private string Shared(string name)
    {
        if (_names.TryGetValue(name, out var shared))
            return shared;
        _names.Add(name, name);
        return name;
    }

    private InvalidDataException Damaged(long at, string what) => new($"{_path} is damaged at byte {at}: {what}");
}
