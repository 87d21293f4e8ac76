using System.Buffers;
using Google.Protobuf;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.Store;
using KvStore.Protocol;

namespace KvStore.Mvcc.Ranges;

/// <summary>A RangeResponse as it goes over the wire, made by copying stored KeyValues.</summary>
/// <remarks>
/// <code>
/// [0A len header]   { 12 len KeyValue } ...   [18 more]   [20 count]
/// </code>
/// The KeyValues lie in pooled chunks, each whole within one; the member fills in the header when it writes. Use it once, by
/// one thread, and dispose it.
/// </remarks>
public sealed class RangeResult : IRangeSink, IDisposable
{
    private const byte HeaderTag = 0x0A, KvsTag = 0x12, MoreTag = 0x18, CountTag = 0x20;

    // From a kilobyte, for single keys, up to a quarter of a megabyte, for whole lists.
    private const int FirstChunkBytes = 1 << 10;
    private const int LargestChunkBytes = 1 << 18;

    private readonly List<ArraySegment<byte>> _fullChunks = [];
    private byte[] _chunk = [];
    private int _chunkLength;
    private long _kvsBytes;

    public long CurrentRevision { get; private set; }

    public long Count { get; private set; }

    public bool HasMore { get; private set; }

    public int KvCount { get; private set; }

    /// <summary>Size of the message with this header; null writes none.</summary>
    public long CalculateSize(ResponseHeader? header) => HeaderSize(header) + _kvsBytes + TailSize();

    /// <param name="destination">Of <see cref="CalculateSize"/>.</param>
    public void WriteTo(Span<byte> destination, ResponseHeader? header)
    {
        int position = WriteHeader(destination, header);
        foreach (var chunk in _fullChunks)
        {
            chunk.AsSpan().CopyTo(destination[position..]);
            position += chunk.Count;
        }
        _chunk.AsSpan(0, _chunkLength).CopyTo(destination[position..]);
        WriteTail(destination[(position + _chunkLength)..]);
    }

    /// <summary>Writes piece by piece, so that a large answer needs no second copy as a whole.</summary>
    public void WriteTo(IBufferWriter<byte> destination, ResponseHeader? header)
    {
        int headerSize = HeaderSize(header);
        if (headerSize > 0)
        {
            WriteHeader(destination.GetSpan(headerSize), header);
            destination.Advance(headerSize);
        }
        foreach (var chunk in _fullChunks)
            destination.Write(chunk);
        destination.Write(_chunk.AsSpan(0, _chunkLength));
        int tailSize = TailSize();
        if (tailSize > 0)
        {
            WriteTail(destination.GetSpan(tailSize));
            destination.Advance(tailSize);
        }
    }

    public void Dispose()
    {
        Reset();
        if (_chunk.Length > 0)
            ArrayPool<byte>.Shared.Return(_chunk);
        _chunk = [];
    }

    internal void Complete(in RangeTotals totals)
    {
        CurrentRevision = totals.CurrentRevision;
        Count = totals.Count;
        HasMore = totals.HasMore;
    }

    void IRangeSink.Add(ReadOnlySpan<byte> record) => record.CopyTo(Reserve(record.Length));

    void IRangeSink.AddKeyOnly(ReadOnlySpan<byte> key, in KeyState state)
    {
        int size = StoredRecord.KeyOnlySize(key, state.Create, state.Mod.Main, state.Version, state.Lease);
        StoredRecord.WriteKeyOnly(Reserve(size), key, state.Create, state.Mod.Main, state.Version, state.Lease);
    }

    void IRangeSink.Clear() => Reset();

    private void Reset()
    {
        foreach (var chunk in _fullChunks)
            ArrayPool<byte>.Shared.Return(chunk.Array!);
        _fullChunks.Clear();
        _chunkLength = 0;
        _kvsBytes = 0;
        KvCount = 0;
    }

    /// <summary>Starts a KeyValue of this size.</summary>
    private Span<byte> Reserve(int size)
    {
        int total = 1 + StoredRecord.VarintSize((ulong)size) + size;
        if (total > _chunk.Length - _chunkLength)
            StartChunk(total);
        int position = StoredRecord.WriteVarint(_chunk, _chunkLength, KvsTag, (ulong)size);
        _chunkLength += total;
        _kvsBytes += total;
        KvCount++;
        return _chunk.AsSpan(position, size);
    }

    private void StartChunk(int atLeast)
    {
        if (_chunkLength > 0)
            _fullChunks.Add(new ArraySegment<byte>(_chunk, 0, _chunkLength));
        else if (_chunk.Length > 0)
            ArrayPool<byte>.Shared.Return(_chunk);
        int next = Math.Clamp(_chunk.Length * 4, FirstChunkBytes, LargestChunkBytes);
        _chunk = ArrayPool<byte>.Shared.Rent(Math.Max(next, atLeast));
        _chunkLength = 0;
    }

    private static int HeaderSize(ResponseHeader? header)
    {
        if (header is null)
            return 0;
        int size = header.CalculateSize();
        return 1 + StoredRecord.VarintSize((ulong)size) + size;
    }

    private static int WriteHeader(Span<byte> destination, ResponseHeader? header)
    {
        if (header is null)
            return 0;
        int size = header.CalculateSize();
        int position = StoredRecord.WriteVarint(destination, 0, HeaderTag, (ulong)size);
        header.WriteTo(destination.Slice(position, size));
        return position + size;
    }

    private int TailSize() => (HasMore ? 2 : 0) + (Count == 0 ? 0 : 1 + StoredRecord.VarintSize((ulong)Count));

    private void WriteTail(Span<byte> destination)
    {
        int position = HasMore ? StoredRecord.WriteVarint(destination, 0, MoreTag, 1) : 0;
        if (Count != 0)
            StoredRecord.WriteVarint(destination, position, CountTag, (ulong)Count);
    }
}
