using System.Globalization;
using KvStore.Storage.Disks;

namespace KvStore.Server.Members.Checkpoints;

/// <summary>The files of the member's checkpoints: <c>NUMBER.checkpoint</c> (the manifest, written last) and <c>NUMBER.index</c>.</summary>
internal sealed class CheckpointDirectory(IDisk disk, DataDirectory directory)
{
    private const string ManifestSuffix = ".checkpoint", IndexSuffix = ".index";

    private readonly string _path = directory.Checkpoints;

    public IDisk Disk => disk;

    /// <summary>Where the values of the checkpoints are.</summary>
    public ValueGenerations Generations { get; } = new(disk, directory);

    /// <summary>Numbers of the checkpoints that have a manifest, newest first.</summary>
    public IReadOnlyList<long> Numbers() =>
        disk.DirectoryExists(_path)
            ? [.. disk.List(_path).Where(IsManifest).Select(NumberOf).OrderDescending()]
            : [];

    public string IndexPath(long number) => Path.Combine(_path, Name(number, IndexSuffix));

    /// <exception cref="InvalidDataException">The manifest is damaged.</exception>
    public CheckpointManifest Read(long number)
    {
        string file = Path.Combine(_path, Name(number, ManifestSuffix));
        using var opened = disk.Open(file, FileOpening.Existing);
        var bytes = new byte[opened.Length];
        int count = opened.Read(0, bytes);
        return CheckpointManifest.Decode(bytes[..count], file);
    }

    /// <summary>The generations of values that a checkpoint is made of. One whose manifest is damaged refers to nothing.</summary>
    public IReadOnlySet<int> ReferredGenerations()
    {
        var referred = new HashSet<int>();
        foreach (long number in Numbers())
        {
            try
            {
                referred.Add(Read(number).Generation);
            }
            catch (InvalidDataException)
            {
                continue; // Nothing can be opened by it.
            }
        }
        return referred;
    }

    /// <summary>Makes the checkpoint count: everything else that belongs to it is durable already.</summary>
    public void Write(long number, CheckpointManifest manifest)
    {
        string final = Path.Combine(_path, Name(number, ManifestSuffix)), temporary = final + ".tmp";
        DeleteIfThere(temporary);
        using (var file = disk.Open(temporary, FileOpening.CreateNew))
        {
            file.Write(0, manifest.Encode());
            file.Sync();
        }
        disk.Rename(temporary, final);
        disk.SyncDirectory(_path);
    }

    /// <summary>Takes in a key index that was written elsewhere in the data directory; durable when this returns.</summary>
    public void MoveIndexHere(string from, long number)
    {
        if (from != IndexPath(number))
            disk.Rename(from, IndexPath(number));
        disk.SyncDirectory(_path);
    }

    /// <summary>Deletes one checkpoint: what it was made of may go after this.</summary>
    public void Delete(long number)
    {
        disk.Delete(Path.Combine(_path, Name(number, ManifestSuffix)));
        disk.SyncDirectory(_path);
        DeleteIfThere(IndexPath(number));
    }

    /// <summary>Deletes every file that belongs to none of these checkpoints.</summary>
    public void KeepOnly(IReadOnlyCollection<long> numbers)
    {
        var keep = numbers.SelectMany(number => new[] { Name(number, ManifestSuffix), Name(number, IndexSuffix) }).ToHashSet();
        foreach (string name in disk.List(_path))
        {
            if (!keep.Contains(name))
                disk.Delete(Path.Combine(_path, name));
        }
        disk.SyncDirectory(_path);
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
