using System.Buffers;
using KvStore.Storage.Disks;

namespace KvStore.Storage.Wal;

/// <summary>Reads a file forward in large portions.</summary>
internal sealed class SegmentReader : IDisposable
{
    private const int PortionBytes = 1 << 20;

    private byte[] _window = [];
    private IFile? _file;
    private long _start;
    private int _count;

    public long Length { get; private set; }

    public void MoveTo(IFile file)
    {
        _file = file;
        Length = file.Length;
        _start = 0;
        _count = 0;
    }

    /// <returns>The bytes at <paramref name="offset"/>, fewer only at the end of the file; valid until the next call.</returns>
    public ReadOnlySpan<byte> At(long offset, int count)
    {
        count = (int)Math.Clamp(Length - offset, 0, count);
        if (count == 0)
            return [];
        if (offset < _start || offset + count > _start + _count)
            Fill(offset, count);
        return _window.AsSpan((int)(offset - _start), count);
    }

    public void Dispose()
    {
        if (_window.Length > 0)
            ArrayPool<byte>.Shared.Return(_window);
        _window = [];
    }

    private void Fill(long offset, int count)
    {
        int wanted = (int)Math.Min(Length - offset, Math.Max(count, PortionBytes));
        if (wanted > _window.Length)
        {
            Dispose();
            _window = ArrayPool<byte>.Shared.Rent(wanted);
        }
        _start = offset;
        _count = _file!.Read(offset, _window.AsSpan(0, wanted));
        if (_count < wanted)
            throw new WalException($"'{_file.Path}' gave {_count} bytes instead of {wanted} at {offset}");
    }
}
