namespace KvStore.Storage.Disks;

/// <summary>The file system as the store uses it. Paths are ordinary; directories must exist before their files.</summary>
/// <remarks>
/// Nothing is durable before it is synced: a file's bytes by <see cref="IFile.Sync"/>, the creation, renaming or deletion of a
/// name by <see cref="SyncDirectory"/>. The simulated disk takes both at their word when it loses power.
/// Failures are an <see cref="IOException"/>; a full disk is its subclass <see cref="DiskFullException"/>.
/// </remarks>
public interface IDisk
{
    /// <summary>Creates the directory and its parents, readable by their owner alone (0700), and syncs their parents.</summary>
    void CreateDirectory(string path);

    bool DirectoryExists(string path);

    bool FileExists(string path);

    /// <summary>Names (without directory) of the files and directories in <paramref name="path"/>, in ordinal order.</summary>
    IReadOnlyList<string> List(string path);

    /// <exception cref="IOException">The file is there already (<see cref="FileOpening.CreateNew"/>) or is not.</exception>
    IFile Open(string path, FileOpening opening);

    /// <summary>Renames within one file system; an existing <paramref name="to"/> is replaced in one step.</summary>
    void Rename(string from, string to);

    void Delete(string path);

    /// <summary>Deletes an empty directory; durable once its parent is synced.</summary>
    void DeleteDirectory(string path);

    /// <summary>Makes the names in this directory durable.</summary>
    void SyncDirectory(string path);

    /// <summary>Bytes that an ordinary user may still write on the file system of <paramref name="path"/>.</summary>
    long FreeBytes(string path);

    /// <summary>Holds <paramref name="path"/> (created when missing) against other processes until disposed.</summary>
    /// <returns>Null when another process holds it.</returns>
    IDisposable? TryLock(string path);
}

public enum FileOpening
{
    /// <summary>The file must be there.</summary>
    Existing,

    /// <summary>The file must not be there.</summary>
    CreateNew,

    /// <summary>The file is made when it is not there.</summary>
    CreateIfMissing,
}
