using Microsoft.Win32.SafeHandles;

namespace KvStore.Storage.Disks;

/// <summary>A file of the operating system, read and written in place without a buffer of ours.</summary>
internal sealed class RealFile : IFile
{
    // Owns the handle: only a stream can be opened with the permissions of a new file.
    private readonly FileStream _stream;
    private readonly SafeFileHandle _handle;

    public RealFile(string path, FileMode mode)
    {
        Path = path;
        _stream = new FileStream(path, StreamOptions(mode, FileShare.ReadWrite | FileShare.Delete));
        _handle = _stream.SafeFileHandle;
    }

    public string Path { get; }

    public long Length => RandomAccess.GetLength(_handle);

    public int Read(long offset, Span<byte> buffer)
    {
        int total = 0;
        while (total < buffer.Length)
        {
            int read = RandomAccess.Read(_handle, buffer[total..], offset + total);
            if (read == 0)
                break;
            total += read;
        }
        return total;
    }

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        try
        {
            RandomAccess.Write(_handle, data, offset);
        }
        catch (IOException error) when (PlatformCalls.IsDiskFull(error))
        {
            throw new DiskFullException($"no room to write {data.Length} bytes to '{Path}'", error);
        }
    }

    public void BeginWriteback(long offset, long length) => PlatformCalls.BeginWriteback(_handle, offset, length);

    public void SetLength(long length)
    {
        try
        {
            RandomAccess.SetLength(_handle, length);
        }
        catch (IOException error) when (PlatformCalls.IsDiskFull(error))
        {
            throw new DiskFullException($"no room to make '{Path}' {length} bytes long", error);
        }
    }

    public void Sync() => PlatformCalls.SyncData(_handle, Path);

    public void Dispose() => _stream.Dispose();

    /// <summary>Readable and writable by their owner alone (0600), without a buffer between.</summary>
    internal static FileStreamOptions StreamOptions(FileMode mode, FileShare share)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.ReadWrite, Share = share, BufferSize = 0 };
        if (!OperatingSystem.IsWindows() && mode != FileMode.Open)
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return options;
    }
}
