using System.Globalization;
using System.Text;
using KvStore.Storage.Disks;

namespace KvStore.Server.Members;

/// <summary>The member's data directory: whose it is, what is in it, and the lock that keeps a second process out.</summary>
/// <remarks>
/// <code>
/// DIR/            0700
///   lock          held while a process uses the directory
///   format        "kvstore data directory, format 1\n": says whose it is, and once it is there, that the member is complete;
///                 "id 0123456789abcdef\n" follows, by which the others know this directory from a later one of the same
///                 member, and "of a member that joined\n" where the log began empty
///   wal/          the log
///   values/       the value store and its checkpoints; values.N once a snapshot was installed, see ValueGenerations
///   checkpoints/  the rest of each checkpoint: state and key index
///   snapshot/     what has come of another member's snapshot; a start deletes it
///   reserve       space kept for the day the disk is full
/// </code>
/// </remarks>
public sealed class DataDirectory : IDisposable
{
    public const int Format = 1;

    private const string FormatPrefix = "kvstore data directory, format ";
    private const string IdPrefix = "id ";
    private const string JoinedLine = "of a member that joined";

    private readonly IDisposable _lock;

    private DataDirectory(string path, Content content, IDisposable held)
    {
        (Path, (IsNew, Id, IsJoined), _lock) = (path, content, held);
    }

    public string Path { get; }

    /// <summary>Nothing was ever stored here.</summary>
    public bool IsNew { get; }

    /// <summary>Drawn when the directory was made; 0 in one that is new, or was made before directories had one.</summary>
    public ulong Id { get; private set; }

    /// <summary>The member joined a cluster: all that it has came from the others, and its log may still be empty.</summary>
    public bool IsJoined { get; private set; }

    public string Wal => System.IO.Path.Combine(Path, "wal");

    public string Values => System.IO.Path.Combine(Path, "values");

    public string Checkpoints => System.IO.Path.Combine(Path, "checkpoints");

    public string Snapshot => System.IO.Path.Combine(Path, "snapshot");

    public string Reserve => System.IO.Path.Combine(Path, "reserve");

    /// <summary>Opens the directory, or makes it.</summary>
    /// <exception cref="DataDirectoryException">It is another's, or in use.</exception>
    public static DataDirectory Open(IDisk disk, string path)
    {
        if (!disk.DirectoryExists(path))
            disk.CreateDirectory(path);
        // Looked at before anything is made there, the lock included: another's directory stays as it is.
        Recognise(disk, path);
        var held = disk.TryLock(System.IO.Path.Combine(path, "lock")) ?? throw new DataDirectoryException(
            $"the data directory {path} is in use by another process: stop that one, or give this one a directory of its own with --data-dir");
        try
        {
            var content = Recognise(disk, path);
            // The process that wrote the format may have died before its name was durable: a power loss would undo it, and the
            // member forget what it promised.
            if (!content.IsNew)
                disk.SyncDirectory(path);
            return new DataDirectory(path, content, held);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Claims a new directory; what the member is made of must be durable before.</summary>
    /// <param name="id">Another one than that of any earlier directory.</param>
    public void MarkAsOurs(IDisk disk, ulong id, bool isJoined)
    {
        (Id, IsJoined) = (id, isJoined);
        string temporary = System.IO.Path.Combine(Path, "format.tmp");
        if (disk.FileExists(temporary))
            disk.Delete(temporary);
        using (var file = disk.Open(temporary, FileOpening.CreateNew))
        {
            file.Write(0, Encoding.ASCII.GetBytes($"{FormatPrefix}{Format}\n{IdPrefix}{id:x16}\n" + (isJoined ? JoinedLine + "\n" : "")));
            file.Sync();
        }
        disk.Rename(temporary, System.IO.Path.Combine(Path, "format"));
        disk.SyncDirectory(Path);
    }

    public void Dispose() => _lock.Dispose();

    private static Content Recognise(IDisk disk, string path)
    {
        string formatFile = System.IO.Path.Combine(path, "format");
        if (!disk.FileExists(formatFile))
        {
            var foreign = disk.List(path).Where(name => name is not ("lock" or "format.tmp" or "wal" or "values" or "checkpoints" or "reserve"));
            if (foreign.FirstOrDefault() is { } name)
            {
                throw new DataDirectoryException(
                    $"{path} is no data directory of kvstore (it holds {name}): give an empty or a new directory with --data-dir");
            }
            return new Content(IsNew: true, Id: 0, IsJoined: false);
        }
        string[] lines = ReadText(disk, formatFile).Split('\n');
        ulong id = 0;
        if (!lines[0].StartsWith(FormatPrefix, StringComparison.Ordinal) || !int.TryParse(lines[0].AsSpan(FormatPrefix.Length), out int format)
            || Array.Find(lines, IsId) is { } line && !TryParseId(line.AsSpan(IdPrefix.Length), out id))
            throw new DataDirectoryException($"{formatFile} is not what kvstore writes: the directory is damaged or foreign");
        if (format != Format)
        {
            throw new DataDirectoryException(
                $"{path} has format {format}, this version reads {Format}: run the version of kvstore that wrote it");
        }
        return new Content(IsNew: false, id, lines.Contains(JoinedLine));
    }

    private static bool IsId(string line) => line.StartsWith(IdPrefix, StringComparison.Ordinal);

    private static bool TryParseId(ReadOnlySpan<char> text, out ulong id) =>
        ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out id);

    private static string ReadText(IDisk disk, string path)
    {
        using var file = disk.Open(path, FileOpening.Existing);
        var bytes = new byte[Math.Min(file.Length, 256)];
        return Encoding.ASCII.GetString(bytes, 0, file.Read(0, bytes));
    }

    /// <param name="IsNew">Empty, or left by a start that never came to an end.</param>
    private sealed record Content(bool IsNew, ulong Id, bool IsJoined);
}

/// <summary>The data directory cannot be used; the message says why and what to do.</summary>
public sealed class DataDirectoryException(string message, Exception? inner = null) : Exception(message, inner);
