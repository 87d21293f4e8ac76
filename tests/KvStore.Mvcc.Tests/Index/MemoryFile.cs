using KvStore.Storage.Disks;

namespace KvStore.Mvcc.Tests.Index;

/// <summary>A file's bytes in memory.</summary>
internal sealed class MemoryFile : IFile
{
    private byte[] _bytes = [];

    public string Path => "memory";

    public long Length { get; private set; }

    public Span<byte> Bytes => _bytes.AsSpan(0, (int)Length);

    public int Read(long offset, Span<byte> buffer)
    {
        int length = (int)Math.Clamp(Length - offset, 0, buffer.Length);
        _bytes.AsSpan((int)offset, length).CopyTo(buffer);
        return length;
    }

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        if (offset + data.Length > Length)
            SetLength(offset + data.Length);
        data.CopyTo(_bytes.AsSpan((int)offset));
    }

    public void SetLength(long length)
    {
        if (length > _bytes.Length)
            Array.Resize(ref _bytes, (int)Math.Max(length, 2L * _bytes.Length));
        if (length > Length)
            _bytes.AsSpan((int)Length, (int)(length - Length)).Clear();
        Length = length;
    }

    public void Sync()
    {
    }

    public void Dispose()
    {
    }
}
