namespace KvStore.Storage.Disks.Simulated;

/// <summary>An open file of a simulated disk; dead once the process that opened it is.</summary>
internal sealed class SimulatedFile(SimulatedDisk disk, string path, SimulatedContent content, int incarnation) : IFile
{
    private bool _isDisposed;

    public string Path => path;

    public SimulatedContent Content => content;

    public long Length => disk.LengthOf(this);

    public int Read(long offset, Span<byte> buffer) => disk.Read(this, offset, buffer);

    public void Write(long offset, ReadOnlySpan<byte> data) => disk.Write(this, offset, data);

    public void SetLength(long length) => disk.SetLength(this, length);

    public void Sync() => disk.Sync(this);

    public void Dispose() => _isDisposed = true;

    internal void CheckUsable(int currentIncarnation)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (incarnation != currentIncarnation)
            throw new SimulatedCrashException($"'{path}' was opened before the crash");
    }
}
