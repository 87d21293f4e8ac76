namespace KvStore.Storage.Disks;

/// <summary>The file system of the operating system.</summary>
public sealed class RealDisk : IDisk
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public void CreateDirectory(string path)
    {
        if (Directory.Exists(path))
            return;
        string? parent = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
        if (parent is not null)
            CreateDirectory(parent);
        Attempt($"create the directory '{path}'", () =>
            OperatingSystem.IsWindows() ? Directory.CreateDirectory(path) : Directory.CreateDirectory(path, OwnerOnly));
        if (parent is not null)
            PlatformCalls.SyncDirectory(parent);
    }

    public bool DirectoryExists(string path) => Directory.Exists(path);

    public bool FileExists(string path) => File.Exists(path);

    public IReadOnlyList<string> List(string path)
    {
        string[] names = Attempt($"list the directory '{path}'", () => Directory.GetFileSystemEntries(path));
        for (int i = 0; i < names.Length; i++)
            names[i] = Path.GetFileName(names[i]);
        Array.Sort(names, StringComparer.Ordinal);
        return names;
    }

    public IFile Open(string path, FileOpening opening) =>
        Attempt($"open '{path}' for reading and writing", () => new RealFile(path, ModeOf(opening)));

    public void Rename(string from, string to) => Attempt($"rename '{from}' to '{to}'", () =>
    {
        File.Move(from, to, overwrite: true);
        return true;
    });

    public void Delete(string path) => Attempt($"delete '{path}'", () =>
    {
        // File.Delete says nothing of a missing file; here what is deleted must have been there.
        if (!File.Exists(path))
            throw new FileNotFoundException("no such file", path);
        File.Delete(path);
        return true;
    });

    public void DeleteDirectory(string path) => Attempt($"delete the directory '{path}'", () =>
    {
        Directory.Delete(path, recursive: false);
        return true;
    });

    public void SyncDirectory(string path) => PlatformCalls.SyncDirectory(path);

    public long FreeBytes(string path) =>
        Attempt($"ask for the free space at '{path}'", () => new DriveInfo(Path.GetFullPath(path)).AvailableFreeSpace);

    public IDisposable? TryLock(string path) => Attempt($"lock '{path}'", () => PlatformCalls.TryLock(path));

    private static FileMode ModeOf(FileOpening opening) => opening switch
    {
        FileOpening.Existing => FileMode.Open,
        FileOpening.CreateNew => FileMode.CreateNew,
        FileOpening.CreateIfMissing => FileMode.OpenOrCreate,
        _ => throw new ArgumentOutOfRangeException(nameof(opening), opening, "not a way to open a file"),
    };

    // .NET reports a refused permission by an exception that is no IOException, and a full disk by a plain one.
    private static T Attempt<T>(string action, Func<T> call)
    {
        try
        {
            return call();
        }
        catch (IOException error) when (PlatformCalls.IsDiskFull(error))
        {
            throw new DiskFullException($"cannot {action}: no room on the disk", error);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new IOException($"cannot {action}: {error.Message}", error);
        }
    }
}
