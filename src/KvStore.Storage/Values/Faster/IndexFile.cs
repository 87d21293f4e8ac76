using System.Globalization;
using FASTER.core;
using KvStore.Raft;
using KvStore.Storage.Disks;

namespace KvStore.Storage.Values.Faster;

/// <summary>A part of an index file as it was written.</summary>
internal readonly record struct IndexChunk(long Offset, int Length, uint Checksum);

/// <summary>
/// FASTER's hash index as saved by one checkpoint: written by FASTER while it changes, checked by us chunk by chunk.
/// </summary>
/// <remarks>
/// Nothing may throw into FASTER, which would go on with what it has: a failure is kept in <see cref="Failure"/>, FASTER is told
/// of success, and the checkpoint fails when it is completed.
/// </remarks>
internal sealed class IndexFile : IDevice
{
    private const string Prefix = "index-";

    private const int ChunkBytes = 1 << 18;

    private readonly DiskReserve? _reserve;
    private readonly PoolWork? _work;
    private readonly Lock _lock = new();
    private readonly List<IndexChunk> _chunks = [];
    private IFile? _file;

    private IndexFile(string path, DiskReserve? reserve, PoolWork? work)
    {
        (_reserve, _work) = (reserve, work);
        FileName = path;
    }

    public string FileName { get; }

    public IOException? Failure { get; private set; }

    public IReadOnlyList<IndexChunk> Chunks => _chunks;

    public uint SectorSize => LogDevice.SectorBytes;

    public long Capacity => -1;

    public long SegmentSize => -1;

    public int StartSegment => 0;

    public int EndSegment => 0;

    public int ThrottleLimit { get; set; } = int.MaxValue;

    public static string NameOf(Guid token) => Prefix + token.ToString("N", CultureInfo.InvariantCulture);

    public static bool TryParseName(string name, out Guid token)
    {
        token = default;
        return name.StartsWith(Prefix, StringComparison.Ordinal) && Guid.TryParseExact(name[Prefix.Length..], "N", out token);
    }

    public static IndexFile Create(IDisk disk, string directory, Guid token, DiskReserve reserve, PoolWork work)
    {
        var index = new IndexFile(Path.Combine(directory, NameOf(token)), reserve, work);
        index.Try(() => index._file = disk.Open(index.FileName, FileOpening.CreateNew));
        return index;
    }

    /// <exception cref="InvalidDataException">The file is missing or differs from what was written.</exception>
    public static IndexFile Open(IDisk disk, string directory, Guid token, IReadOnlyList<IndexChunk> chunks)
    {
        var index = new IndexFile(Path.Combine(directory, NameOf(token)), null, null);
        if (!disk.FileExists(index.FileName))
            throw new InvalidDataException($"{index.FileName}: the file is missing; the checkpoint needs this index");
        index._file = disk.Open(index.FileName, FileOpening.Existing);
        index._chunks.AddRange(chunks);
        try
        {
            index.Verify();
        }
        catch
        {
            index.Close();
            throw;
        }
        return index;
    }

    public void WriteAsync(
        nint alignedSourceAddress, ulong alignedDestinationAddress, uint numBytesToWrite, DeviceIOCompletionCallback callback,
        object context) =>
        // Megabytes, so not on the writer's thread. The table stays where it is, and the image may be fuzzy (FASTER expects it).
        _work!.Start(() =>
        {
            Try(() => Write(alignedSourceAddress, (long)alignedDestinationAddress, (int)numBytesToWrite));
            callback(0, numBytesToWrite, context);
        });

    public void ReadAsync(
        ulong alignedSourceAddress, nint alignedDestinationAddress, uint alignedReadLength, DeviceIOCompletionCallback callback,
        object context)
    {
        Try(() => Read((long)alignedSourceAddress, alignedDestinationAddress, (int)alignedReadLength));
        callback(Failure is null ? 0u : 1u, alignedReadLength, context);
    }

    /// <summary>Syncs the file and reads it back.</summary>
    public void Complete()
    {
        if (Failure is not null)
            throw Failure;
        Invariant.Holds(_file is not null);
        _file.Sync();
        Verify();
    }

    public void Close()
    {
        _file?.Dispose();
        _file = null;
    }

    /// <summary>FASTER is done with the file; its checkpoint is not, so it is <see cref="Close"/> that closes it.</summary>
    public void Dispose()
    {
    }

    public void Initialize(long segmentSize, LightEpoch? epoch = null, bool omitSegmentIdFromFilename = false)
    {
    }

    public bool TryComplete() => true;

    public bool Throttle() => false;

    public long GetFileSize(int segment) => _file?.Length ?? 0;

    public void Reset()
    {
    }

    public void WriteAsync(
        nint sourceAddress, int segmentId, ulong destinationAddress, uint numBytesToWrite, DeviceIOCompletionCallback callback,
        object context) => WriteAsync(sourceAddress, destinationAddress, numBytesToWrite, callback, context);

    public void ReadAsync(
        int segmentId, ulong sourceAddress, nint destinationAddress, uint readLength, DeviceIOCompletionCallback callback,
        object context) => ReadAsync(sourceAddress, destinationAddress, readLength, callback, context);

    public void TruncateUntilAddressAsync(long toAddress, AsyncCallback callback, IAsyncResult result) => callback(result);

    public void TruncateUntilAddress(long toAddress)
    {
    }

    public void TruncateUntilSegmentAsync(int toSegment, AsyncCallback callback, IAsyncResult result) => callback(result);

    public void TruncateUntilSegment(int toSegment)
    {
    }

    public void RemoveSegmentAsync(int segment, AsyncCallback callback, IAsyncResult result) => callback(result);

    public void RemoveSegment(int segment)
    {
    }

    private unsafe void Write(nint source, long offset, int length)
    {
        // Copied first: the index changes while it is saved, and the checksum must be that of the bytes that are written.
        byte[] copy = new byte[Math.Min(ChunkBytes, length)];
        for (int done = 0; done < length; done += copy.Length)
        {
            var chunk = copy.AsMemory(0, Math.Min(copy.Length, length - done));
            new ReadOnlySpan<byte>((byte*)source + done, chunk.Length).CopyTo(chunk.Span);
            long at = offset + done;
            _reserve!.WithRoom(() => _file!.Write(at, chunk.Span));
            lock (_lock)
                _chunks.Add(new IndexChunk(at, chunk.Length, Crc32C.Of(chunk.Span)));
        }
    }

    private unsafe void Read(long offset, nint destination, int length)
    {
        var bytes = new Span<byte>((void*)destination, length);
        int read = _file!.Read(offset, bytes);
        // FASTER reads its overflow buckets by the page but writes only those in use: the rest of the page is zeros.
        long written = _chunks.Max(chunk => chunk.Offset + chunk.Length) - offset;
        if (read < Math.Min(length, written))
            throw new EndOfStreamException($"{FileName}: the file ends at {offset + read}; it was cut off");
        bytes[read..].Clear();
    }

    private void Verify()
    {
        byte[] buffer = new byte[ChunkBytes];
        foreach (var chunk in _chunks)
        {
            if (chunk.Length is <= 0 or > ChunkBytes)
                throw new InvalidDataException($"{FileName}: the checkpoint names a chunk of {chunk.Length} bytes");
            var bytes = buffer.AsSpan(0, chunk.Length);
            int read = _file!.Read(chunk.Offset, bytes);
            if (read < chunk.Length)
                throw new InvalidDataException($"{FileName}: the file ends at {chunk.Offset + read}; it was cut off");
            if (Crc32C.Of(bytes) != chunk.Checksum)
                throw new InvalidDataException(
                    $"{FileName}: the bytes from {chunk.Offset} on fail their checksum; the file is damaged");
        }
    }

    private void Try(Action action)
    {
        if (Failure is not null)
            return;
        try
        {
            action();
        }
        catch (IOException failure)
        {
            Failure = failure;
        }
        catch (Exception failure) when (failure is UnauthorizedAccessException or ObjectDisposedException)
        {
            Failure = new IOException(failure.Message, failure);
        }
    }
}
