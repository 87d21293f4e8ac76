using System.Collections.Concurrent;
using KvStore.Storage.Disks;

namespace KvStore.Storage.Tests.Values;

/// <summary>Real files in a directory of their own, with a limited space and with faults that a test switches on.</summary>
internal sealed class FaultyDisk : IDisk, IDisposable
{
    private readonly ConcurrentDictionary<string, long> _lengths = new();

    public FaultyDisk() => Root = Directory.CreateTempSubdirectory("kvstore-values-").FullName;

    public string Root { get; }

    /// <summary>Bytes that all files together may have.</summary>
    public long Capacity { get; set; } = long.MaxValue;

    /// <summary>Says which operation fails: "read", "write" or "sync", and the name of the file.</summary>
    public Func<string, string, bool> Fails { get; set; } = (_, _) => false;

    public long UsedBytes => _lengths.Values.Sum();

    public void Dispose() => Directory.Delete(Root, recursive: true);

    public void CreateDirectory(string path) => Directory.CreateDirectory(path);

    public bool DirectoryExists(string path) => Directory.Exists(path);

    public bool FileExists(string path) => File.Exists(path);

    public IReadOnlyList<string> List(string path) =>
        [.. Directory.EnumerateFileSystemEntries(path).Select(entry => Path.GetFileName(entry)).Order(StringComparer.Ordinal)];

    public IFile Open(string path, FileOpening opening)
    {
        var mode = opening switch
        {
            FileOpening.Existing => FileMode.Open,
            FileOpening.CreateNew => FileMode.CreateNew,
            _ => FileMode.OpenOrCreate,
        };
        Check("open", path);
        var handle = File.OpenHandle(path, mode, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        _lengths[path] = RandomAccess.GetLength(handle);
        return new FaultyFile(this, path, handle);
    }

    public void Rename(string from, string to)
    {
        Check("rename", to);
        File.Move(from, to, overwrite: true);
        if (_lengths.TryRemove(from, out long length))
            _lengths[to] = length;
    }

    public void DeleteDirectory(string path) => Directory.Delete(path);

    public void Delete(string path)
    {
        File.Delete(path);
        _lengths.TryRemove(path, out _);
    }

    public void SyncDirectory(string path) => Check("sync", path);

    public long FreeBytes(string path) => Capacity - UsedBytes;

    public IDisposable? TryLock(string path) => throw new NotSupportedException("A value store locks nothing.");

    private void Check(string operation, string path)
    {
        if (Fails(operation, Path.GetFileName(path)))
            throw new IOException($"{operation} of {path}: Input/output error");
    }

    private sealed class FaultyFile(FaultyDisk disk, string path, Microsoft.Win32.SafeHandles.SafeFileHandle handle) : IFile
    {
        public string Path => path;

        public long Length => RandomAccess.GetLength(handle);

        public int Read(long offset, Span<byte> buffer)
        {
            disk.Check("read", path);
            int done = 0;
            while (done < buffer.Length)
            {
                int read = RandomAccess.Read(handle, buffer[done..], offset + done);
                if (read == 0)
                    break;
                done += read;
            }
            return done;
        }

        public void Write(long offset, ReadOnlySpan<byte> data)
        {
            disk.Check("write", path);
            long grown = Math.Max(0, offset + data.Length - disk._lengths.GetValueOrDefault(path));
            if (grown > disk.FreeBytes(path))
                throw new DiskFullException($"write of {path}: No space left on device");
            RandomAccess.Write(handle, data, offset);
            disk._lengths[path] = disk._lengths.GetValueOrDefault(path) + grown;
        }

        public void SetLength(long length)
        {
            RandomAccess.SetLength(handle, length);
            disk._lengths[path] = length;
        }

        public void Sync() => disk.Check("sync", path);

        public void Dispose() => handle.Dispose();
    }
}
