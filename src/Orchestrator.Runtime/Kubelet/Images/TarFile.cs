using System.Formats.Tar;
using System.IO.Compression;

namespace Orchestrator.Runtime.Kubelet.Images;

/// <summary>A tar as a set of files that can be read in any order. One in gzip is unpacked beside first.</summary>
internal sealed class TarFile : IDisposable
{
    private const int LinkLimit = 10;

    private readonly FileStream _file;
    private readonly Dictionary<string, ArchiveEntry> _entries = [];
    private readonly Dictionary<string, string> _links = [];

    private TarFile(FileStream file) => _file = file;

    /// <exception cref="ImageArchiveException">It is no tar, or ends too early.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static TarFile Open(string path)
    {
        FileStream file = File.OpenRead(path);
        try
        {
            if (IsGzip(file))
                file = Unpacked(file, path);
            var tar = new TarFile(file);
            tar.ReadEntries(path);
            return tar;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public ArchiveEntry? Find(string name)
    {
        name = Normalized(name);
        for (int i = 0; i < LinkLimit; i++)
        {
            if (_entries.TryGetValue(name, out ArchiveEntry? entry))
                return entry;
            if (!_links.TryGetValue(name, out string? target))
                return null;
            name = target;
        }
        return null;
    }

    public byte[] ReadAll(ArchiveEntry entry)
    {
        byte[] bytes = new byte[entry.SizeBytes];
        _file.Position = entry.Offset;
        _file.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>Calls for each piece of a file in turn; a piece is good until the next.</summary>
    public async Task ReadAsync(ArchiveEntry entry, int pieceBytes, Func<ReadOnlyMemory<byte>, Task> take, CancellationToken ct)
    {
        byte[] buffer = new byte[(int)Math.Min(pieceBytes, Math.Max(1, entry.SizeBytes))];
        _file.Position = entry.Offset;
        for (long left = entry.SizeBytes; left > 0;)
        {
            Memory<byte> piece = buffer.AsMemory(0, (int)Math.Min(buffer.Length, left));
            await _file.ReadExactlyAsync(piece, ct);
            await take(piece);
            left -= piece.Length;
        }
    }

    public void Dispose() => _file.Dispose();

    private static bool IsGzip(FileStream file)
    {
        Span<byte> head = stackalloc byte[2];
        int read = file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        file.Position = 0;
        return read == 2 && head[0] == 0x1f && head[1] == 0x8b;
    }

    private static FileStream Unpacked(FileStream packed, string path)
    {
        string unpackedPath = Path.Combine(Path.GetTempPath(), $"orchestrator-import-{Path.GetRandomFileName()}");
        var unpacked = new FileStream(unpackedPath, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose);
        try
        {
            using (packed)
            using (var gzip = new GZipStream(packed, CompressionMode.Decompress))
                gzip.CopyTo(unpacked);
            unpacked.Position = 0;
            return unpacked;
        }
        catch (InvalidDataException e)
        {
            unpacked.Dispose();
            throw new ImageArchiveException($"{path} is damaged: it begins as gzip and cannot be unpacked", e);
        }
        catch
        {
            unpacked.Dispose();
            throw;
        }
    }

    private void ReadEntries(string path)
    {
        try
        {
            using var reader = new TarReader(_file, leaveOpen: true);
            while (reader.GetNextEntry() is { } entry)
                Take(entry, path);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FormatException)
        {
            throw _entries.Count == 0 && _links.Count == 0
                ? new ImageArchiveException($"{path} is no archive of images: it is not a tar file", e)
                : new ImageArchiveException($"{path} is damaged or ends too early", e);
        }
        if (_entries.Count == 0)
            throw new ImageArchiveException($"{path} is no archive of images: there is nothing in it");
    }

    private void Take(TarEntry entry, string path)
    {
        string name = Normalized(entry.Name);
        if (entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile)
        {
            long offset = entry.Length == 0 ? _file.Position : entry.DataOffset;
            // A tar ends on a whole block; the reader takes one that was cut within its last file for whole.
            if (offset + entry.Length > _file.Length)
                throw new ImageArchiveException($"{path} is damaged or ends too early: {entry.Name} is cut");
            _entries[name] = new ArchiveEntry(entry.Name, offset, entry.Length);
        }
        else if (entry.EntryType is TarEntryType.SymbolicLink)
            _links[name] = Normalized(Path.Combine(Path.GetDirectoryName(name) ?? "", entry.LinkName));
        else if (entry.EntryType is TarEntryType.HardLink)
            _links[name] = Normalized(entry.LinkName);
    }

    /// <summary>Without <c>./</c> and <c>..</c>; nothing outside of the archive is ever opened by such a name.</summary>
    private static string Normalized(string name) => Path.GetFullPath("/" + name)[1..];
}
