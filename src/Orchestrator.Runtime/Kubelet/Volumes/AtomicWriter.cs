using System.Globalization;

namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>Writes a set of files into a folder as one step: a reader sees all of the old ones or all of the new ones.</summary>
/// <remarks>
/// <code>
/// ROOT/..2026_11_27_05_30_00.4711/dir/file      the files themselves
/// ROOT/..data -> ..2026_11_27_05_30_00.4711     renamed over the old link: this is the step
/// ROOT/dir -> ..data/dir                        what programs open
/// </code>
/// Programs watch <c>..data</c> to learn of changes, so equal content is not written again.
/// </remarks>
internal sealed class AtomicWriter(string root, VolumeOwner owner, TimeProvider clock)
{
    private const string DataLink = "..data";
    private const string NewDataLink = "..data_tmp";
    private const int PathLimit = 4096;
    private const int NameLimit = 255;

    private const UnixFileMode Draft = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode FolderMode = Draft
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <exception cref="VolumeException">A path that leaves the folder, or that the folder needs for itself; nothing has changed.</exception>
    public void Write(IReadOnlyDictionary<string, ProjectedFile> files)
    {
        Dictionary<string, ProjectedFile> wanted = files.ToDictionary(file => Checked(file.Key), file => file.Value);
        string? current = new FileInfo(Path.Combine(root, DataLink)).LinkTarget;
        if (current is null || !IsCurrent(Path.Combine(root, current), wanted))
            current = Replace(wanted);
        LinkNames([.. wanted.Keys.Select(FirstName)]);
        RemoveFolders(current);
    }

    /// <summary>The path as it is written, without needless parts.</summary>
    /// <exception cref="VolumeException">It leads elsewhere, or is too long for the file system.</exception>
    public static string Checked(string path)
    {
        if (path.Length == 0)
            throw new VolumeException("invalid path: must not be empty: \"\"");
        if (path[0] == '/')
            throw new VolumeException($"invalid path: must be relative path: {path}");
        if (path.Length > PathLimit)
            throw new VolumeException($"invalid path: must be less than or equal to {PathLimit} characters");
        string[] names = path.Split('/');
        if (names.Contains(".."))
            throw new VolumeException($"invalid path: must not contain '..': {path}");
        if (names.Any(name => name.Length > NameLimit))
            throw new VolumeException($"invalid path: filenames must be less than or equal to {NameLimit} characters");
        string clean = string.Join('/', names.Where(name => name is not ("" or ".")));
        if (clean.StartsWith("..", StringComparison.Ordinal))
            throw new VolumeException($"invalid path: must not start with '..': {path}");
        return clean.Length > 0 ? clean : throw new VolumeException($"invalid path: must not be empty: \"{path}\"");
    }

    private static string FirstName(string path) => path.Split('/')[0];

    private static bool IsCurrent(string folder, Dictionary<string, ProjectedFile> wanted)
    {
        if (!Directory.Exists(folder))
            return false;
        List<string> present = [.. Directory.EnumerateFiles(folder, "*", AllFiles).Select(file => Path.GetRelativePath(folder, file))];
        return present.Count == wanted.Count && present.TrueForAll(path =>
            wanted.TryGetValue(path, out ProjectedFile? file) && File.ReadAllBytes(Path.Combine(folder, path)).AsSpan().SequenceEqual(file.Content));
    }

    /// <returns>The name of the folder that the files are in now.</returns>
    private string Replace(Dictionary<string, ProjectedFile> wanted)
    {
        string name = NewName();
        string folder = Path.Combine(root, name);
        Directory.CreateDirectory(folder);
        LinuxFiles.ChangeMode(folder, Draft); // Nobody else looks into it before all files have the modes that say who may.
        foreach (var (path, file) in wanted)
            Write(Path.Combine(folder, path), file);
        LinuxFiles.ChangeMode(folder, FolderMode);
        owner.Apply(folder, isReadOnly: true);
        string link = Path.Combine(root, NewDataLink);
        File.Delete(link); // One that the last kubelet had no time to rename.
        File.CreateSymbolicLink(link, name);
        LinuxFiles.Rename(link, Path.Combine(root, DataLink));
        return name;
    }

    private string NewName()
    {
        string time = clock.GetUtcNow().UtcDateTime.ToString("yyyy_MM_dd_HH_mm_ss", CultureInfo.InvariantCulture);
        string name;
        do
            name = FormattableString.Invariant($"..{time}.{Random.Shared.NextInt64(10_000_000_000)}");
        while (Directory.Exists(Path.Combine(root, name)));
        return name;
    }

    private static void Write(string path, ProjectedFile file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, file.Content);
        if (file.Owner is { } user)
            LinuxFiles.ChangeOwner(path, user, null);
        LinuxFiles.ChangeMode(path, file.Mode);
    }

    /// <summary>Makes what programs open lead to the files, and takes away what leads to none.</summary>
    private void LinkNames(HashSet<string> names)
    {
        foreach (string name in names)
        {
            string link = Path.Combine(root, name);
            if (new FileInfo(link).LinkTarget is null)
                File.CreateSymbolicLink(link, Path.Combine(DataLink, name));
        }
        foreach (string entry in Directory.GetFileSystemEntries(root, "*", AllEntries))
        {
            string name = Path.GetFileName(entry);
            if (!name.StartsWith("..", StringComparison.Ordinal) && !names.Contains(name))
                File.Delete(entry);
        }
    }

    private void RemoveFolders(string current)
    {
        foreach (string folder in Directory.GetDirectories(root, "*", AllEntries))
        {
            string name = Path.GetFileName(folder);
            if (name.StartsWith("..", StringComparison.Ordinal) && name != current && new DirectoryInfo(folder).LinkTarget is null)
                Directory.Delete(folder, recursive: true);
        }
    }

    private static EnumerationOptions AllEntries { get; } = new() { AttributesToSkip = 0 };

    private static EnumerationOptions AllFiles { get; } = new() { AttributesToSkip = 0, RecurseSubdirectories = true };
}
