using KvStore.Storage.Disks;

namespace KvStore.Storage.Values.Faster;

/// <summary>A file of zeros that is deleted when the disk is full, so that there is room to go on with.</summary>
/// <remarks>Another process may take the room first; then writes fail although the reserve was given up.</remarks>
internal sealed class DiskReserve(IDisk disk, string directory, long sizeBytes)
{
    public const string Name = "reserve";

    private readonly Lock _lock = new();
    private bool _isHeld;

    private string FilePath => Path.Combine(directory, Name);

    /// <summary>Whether the reserve was used up and not yet restored: the disk is full.</summary>
    public bool IsInUse => sizeBytes > 0 && !IsHeld;

    /// <summary>Takes the space, if there is enough that something is left beside it.</summary>
    public void TryTake()
    {
        lock (_lock)
        {
            if (sizeBytes == 0 || _isHeld)
                return;
            try
            {
                Fill();
                _isHeld = true;
            }
            catch (DiskFullException)
            {
                // Full is what the reserve is for: without room for it IsInUse says so, and the owner acts on that.
                Remove();
            }
        }
    }

    /// <summary>Does a write that may be repeated, for which the reserve is given up when the disk is full.</summary>
    /// <exception cref="DiskFullException">It is full without the reserve too.</exception>
    public void WithRoom(Action write)
    {
        bool wasHeld = IsHeld;
        try
        {
            write();
        }
        catch (DiskFullException) when (wasHeld)
        {
            GiveUp();
            write();
        }
    }

    private bool IsHeld => Volatile.Read(ref _isHeld);

    private void GiveUp()
    {
        lock (_lock)
        {
            if (!_isHeld)
                return; // Another write was first.
            _isHeld = false;
            Remove();
        }
    }

    private void Fill()
    {
        using var file = disk.Open(FilePath, FileOpening.CreateIfMissing);
        long missing = sizeBytes - file.Length;
        if (missing > 0 && disk.FreeBytes(directory) < missing * 2)
            throw new DiskFullException($"{FilePath}: too little free space for a reserve of {sizeBytes} bytes");
        byte[] zeros = new byte[1 << 18];
        // Written, not only made longer: a hole in a file reserves nothing.
        for (long offset = file.Length; offset < sizeBytes; offset += zeros.Length)
            file.Write(offset, zeros.AsSpan(0, (int)Math.Min(zeros.Length, sizeBytes - offset)));
        if (file.Length > sizeBytes)
            file.SetLength(sizeBytes);
    }

    private void Remove()
    {
        if (disk.FileExists(FilePath))
            disk.Delete(FilePath);
    }
}
