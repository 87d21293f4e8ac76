namespace KvStore.Crash.Tests.Disks;

/// <summary>A data directory once more, open to its owner alone as the original is.</summary>
internal static class DirectoryCopy
{
    public static void Make(string original, string copy)
    {
        foreach (string folder in Directory.GetDirectories(original, "*", SearchOption.AllDirectories).Prepend(original))
            Directory.CreateDirectory(Moved(folder), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (string file in Directory.GetFiles(original, "*", SearchOption.AllDirectories))
            File.Copy(file, Moved(file));

        string Moved(string path) => Path.Combine(copy, Path.GetRelativePath(original, path));
    }
}
