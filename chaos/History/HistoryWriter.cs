using System.Buffers.Binary;
using System.Diagnostics;
using System.IO.Compression;
using Google.Protobuf;

namespace KvStore.Chaos.History;

/// <summary>Appends the records of all clients to one file.</summary>
/// <remarks>
/// Thread-safe. Memory is bounded by one block: whoever fills it compresses and writes it while the others wait. A block is
/// also ended by its age, so that a run that is killed loses little more than a second.
/// </remarks>
public sealed class HistoryWriter : IDisposable
{
    private const int BlockBytes = 256 * 1024;
    private static readonly TimeSpan BlockAge = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly Stream _file;
    private readonly MemoryStream _block = new();
    private readonly MemoryStream _compressed = new();
    private int _blockCount;
    private long _blockBegunAt;
    private bool _isDisposed;

    public HistoryWriter(string path) : this(new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read))
    {
    }

    /// <param name="file">Owned from now on.</param>
    internal HistoryWriter(Stream file)
    {
        _file = file;
        _file.Write(HistoryFormat.Magic);
        _file.Flush();
    }

    public long RecordCount { get; private set; }

    /// <summary>The record is copied: the caller may go on changing it.</summary>
    public void Write(HistoryRecord record)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_blockCount == 0)
                _blockBegunAt = Stopwatch.GetTimestamp();
            record.WriteDelimitedTo(_block);
            _blockCount++;
            RecordCount++;
            if (_block.Length >= BlockBytes || Stopwatch.GetElapsedTime(_blockBegunAt) >= BlockAge)
                EndBlock();
        }
    }

    public void Write(Operation operation) => Write(new HistoryRecord { Operation = operation });

    /// <summary>What was written so far outlives this process.</summary>
    public void Flush()
    {
        lock (_gate)
            EndBlock();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed)
                return;
            EndBlock();
            _isDisposed = true;
            _file.Dispose();
        }
    }

    private void EndBlock()
    {
        if (_blockCount == 0)
            return;
        _compressed.SetLength(HistoryFormat.HeaderBytes);
        _compressed.Position = HistoryFormat.HeaderBytes;
        using (var deflate = new DeflateStream(_compressed, CompressionLevel.Fastest, leaveOpen: true))
            deflate.Write(_block.GetBuffer(), 0, (int)_block.Length);
        var block = _compressed.GetBuffer().AsSpan(0, (int)_compressed.Length);
        var body = block[HistoryFormat.HeaderBytes..];
        BinaryPrimitives.WriteInt32LittleEndian(block, body.Length);
        BinaryPrimitives.WriteInt32LittleEndian(block[4..], _blockCount);
        BinaryPrimitives.WriteUInt32LittleEndian(block[8..], HistoryFormat.Checksum(body));
        _file.Write(block);
        _file.Flush();
        _block.SetLength(0);
        _blockCount = 0;
    }
}
