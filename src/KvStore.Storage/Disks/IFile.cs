namespace KvStore.Storage.Disks;

/// <summary>An open file: positioned reads and writes, by any number of threads.</summary>
public interface IFile : IDisposable
{
    string Path { get; }

    long Length { get; }

    /// <returns>Bytes read: fewer than asked only at the end of the file.</returns>
    int Read(long offset, Span<byte> buffer);

    /// <summary>Writes all of <paramref name="data"/>, growing the file when needed.</summary>
    void Write(long offset, ReadOnlySpan<byte> data);

    /// <summary>
    /// Lets the system begin to bring these bytes to the disk, so that a later <see cref="Sync"/> has little left to do and what
    /// others sync meanwhile does not wait behind it. A hint: nothing is promised.
    /// </summary>
    void BeginWriteback(long offset, long length)
    {
    }

    void SetLength(long length);

    /// <summary>Makes the bytes written so far durable, and the length that is needed to read them (fdatasync).</summary>
    /// <remarks>A failure leaves it unknown what is on the disk; it must never be tried again on the same file.</remarks>
    void Sync();
}
