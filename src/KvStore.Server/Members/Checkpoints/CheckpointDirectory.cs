using System.Globalization;
using KvStore.Storage.Disks;

namespace KvStore.Server.Members.Checkpoints;

/// <summary>The files of the member's checkpoints: <c>NUMBER.checkpoint</c> (the manifest, written last) and <c>NUMBER.index</c>.</summary>
internal sealed class CheckpointDirectory(IDisk disk, string path)
{
    private const string ManifestSuffix = ".checkpoint", IndexSuffix = ".index";

    public IDisk Disk => disk;

    /// <summary>Numbers of the checkpoints that have a manifest, newest first.</summary>
    public IReadOnlyList<long> Numbers() =>
        disk.DirectoryExists(path)
            ? [.. disk.List(path).Where(IsManifest).Select(NumberOf).OrderDescending()]
            : [];

    public string IndexPath(long number) => Path.Combine(path, Name(number, IndexSuffix));

    /// <exception cref="InvalidDataException">The manifest is damaged.</exception>
    public CheckpointManifest Read(long number)
    {
        string file = Path.Combine(path, Name(number, ManifestSuffix));
        using var opened = disk.Open(file, FileOpening.Existing);
        var bytes = new byte[opened.Length];
        int count = opened.Read(0, bytes);
        return CheckpointManifest.Decode(bytes[..count], file);
    }

    /// <summary>Makes the checkpoint count: everything else that belongs to it is durable already.</summary>
    public void Write(long number, CheckpointManifest manifest)
    {
        string final = Path.Combine(path, Name(number, ManifestSuffix)), temporary = final + ".tmp";
        DeleteIfThere(temporary);
        using (var file = disk.Open(temporary, FileOpening.CreateNew))
        {
            file.Write(0, manifest.Encode());
            file.Sync();
        }
        disk.Rename(temporary, final);
        disk.SyncDirectory(path);
    }

    /// <summary>Deletes every file that belongs to none of these checkpoints.</summary>
    public void KeepOnly(IReadOnlyCollection<long> numbers)
    {
        var keep = numbers.SelectMany(number => new[] { Name(number, ManifestSuffix), Name(number, IndexSuffix) }).ToHashSet();
        foreach (string name in disk.List(path))
        {
            if (!keep.Contains(name))
                disk.Delete(Path.Combine(path, name));
        }
        disk.SyncDirectory(path);
    }

    private void DeleteIfThere(string file)
    {
        if (disk.FileExists(file))
            disk.Delete(file);
    }

    private static string Name(long number, string suffix) => number.ToString("x16", CultureInfo.InvariantCulture) + suffix;

    private static bool IsManifest(string name) => name.Length == 16 + ManifestSuffix.Length && name.EndsWith(ManifestSuffix, StringComparison.Ordinal);

    private static long NumberOf(string name) => long.Parse(name.AsSpan(0, 16), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
