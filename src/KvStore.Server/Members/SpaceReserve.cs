using KvStore.Storage.Disks;

namespace KvStore.Server.Members;

/// <summary>A file of zeros that is given up when the disk is full, so that what frees space can still be logged and saved.</summary>
internal sealed class SpaceReserve(IDisk disk, string path, long sizeBytes)
{
    private const int PieceBytes = 1 << 20;

    private static readonly byte[] Zeros = new byte[PieceBytes];

    private readonly Lock _lock = new();
    private bool _isHeld;

    /// <summary>Sets the space aside, unless it is already or there is no room for it.</summary>
    /// <returns>Whether it is set aside now.</returns>
    public bool TryHold()
    {
        lock (_lock)
        {
            if (_isHeld || sizeBytes == 0)
                return true;
            if (IsThere())
                return _isHeld = true;
            // Twice the size: what was just freed must not go into the reserve alone.
            if (disk.FreeBytes(Path.GetDirectoryName(path)!) < 2 * sizeBytes)
                return false;
            return _isHeld = TryFill();
        }
    }

    /// <summary>Gives the space up.</summary>
    /// <returns>False when there was none left to give.</returns>
    public bool Release()
    {
        lock (_lock)
        {
            if (!_isHeld)
                return false;
            _isHeld = false;
            disk.Delete(path);
            return true;
        }
    }

    /// <summary>What an earlier life of the member set aside counts; a part of it is given back.</summary>
    private bool IsThere()
    {
        if (!disk.FileExists(path))
            return false;
        using (var file = disk.Open(path, FileOpening.Existing))
        {
            if (file.Length >= sizeBytes)
                return true;
        }
        disk.Delete(path);
        return false;
    }

    private bool TryFill()
    {
        using var file = disk.Open(path, FileOpening.CreateIfMissing);
        try
        {
            for (long written = file.Length; written < sizeBytes; written += PieceBytes)
                file.Write(written, Zeros.AsSpan(0, (int)Math.Min(PieceBytes, sizeBytes - written)));
            return true;
        }
        catch (DiskFullException)
        {
            disk.Delete(path);
            return false;
        }
    }
}
