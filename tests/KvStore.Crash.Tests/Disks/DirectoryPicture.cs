using System.Security.Cryptography;

namespace KvStore.Crash.Tests.Disks;

/// <summary>Everything below a directory, byte for byte: two of them show whether anything was changed.</summary>
internal static class DirectoryPicture
{
    public static IReadOnlyList<string> Of(string directory) =>
    [
        .. Directory.GetFileSystemEntries(directory, "*", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal)
            .Select(path => $"{Path.GetRelativePath(directory, path)} {File.GetUnixFileMode(path)} {ContentOf(path)}"),
    ];

    private static string ContentOf(string path)
    {
        if (Directory.Exists(path))
            return "directory";
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        return $"{file.Length} {Convert.ToHexString(SHA256.HashData(file))}";
    }
}
