using System.Globalization;
using System.Runtime.CompilerServices;
using KvStore.Grpc;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Runtime.Kubelet.Cri.Logs;

/// <summary>The log file of one container, as its runtime writes it.</summary>
/// <remarks>
/// While it is followed it may be moved away and begun anew (<see cref="LogRotation"/>): what is left in the old file is read
/// first. A file is looked at at intervals, as notices of the kernel are few on a node and a follower is nobody in a hurry.
/// </remarks>
internal sealed class ContainerLog(string path, TimeProvider clock)
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>After how many looks that found nothing the container is asked for: it may have ended.</summary>
    private const int LooksBetweenQuestions = 5;

    private const int ChunkBytes = 64 * 1024;

    /// <summary>Bytes of one line of the file, which runtimes cut at 16 KiB; a longer one is no log line and is dropped.</summary>
    private const int LineLimitBytes = 1024 * 1024;

    private readonly LogLineParser _parser = new();
    private readonly byte[] _chunk = new byte[ChunkBytes];
    private readonly List<byte> _line = [];
    private SafeFileHandle? _file;
    private string? _name;
    private long _position;
    private bool _hasMore;

    /// <summary>All lines there are, oldest first.</summary>
    /// <param name="follow">Goes on with new ones, until the container has ended.</param>
    /// <exception cref="CriException">There is no log.</exception>
    public async IAsyncEnumerable<LogLine> ReadAsync(
        bool follow, Func<CancellationToken, Task<bool>> hasEnded, [EnumeratorCancellation] CancellationToken ct)
    {
        try
        {
            if (!TryOpen() && !follow)
                throw new CriException($"failed to open log file \"{path}\": no such file or directory", StatusCode.NotFound);
            bool isLast = !follow;
            for (int looks = 0; ; looks++)
            {
                bool isReplaced = _file is null || IsReplaced();
                if (isReplaced && _file is not null)
                    await Task.Delay(LookInterval, clock, ct); // The runtime may be about to write its last line there.
                List<LogLine> lines;
                while ((lines = await ReadSomeAsync(ct)).Count > 0 || _hasMore)
                {
                    looks = 0;
                    foreach (LogLine line in lines)
                        yield return line;
                }
                if (isReplaced && TryReopen())
                    continue;
                if (isLast)
                    break;
                if (looks % LooksBetweenQuestions == LooksBetweenQuestions - 1 && await hasEnded(ct))
                    isLast = true; // What it wrote up to its end is there by now.
                else
                    await Task.Delay(LookInterval, clock, ct);
            }
            foreach (LogLine line in _parser.TakeRest())
                yield return line;
        }
        finally
        {
            _file?.Dispose();
        }
    }

    private bool TryOpen()
    {
        try
        {
            _file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        _name = NameOfOpenFile();
        _position = 0;
        return true;
    }

    private bool TryReopen()
    {
        SafeFileHandle? old = _file;
        if (!TryOpen())
            return false;
        old?.Dispose();
        return true;
    }

    private bool IsReplaced() => NameOfOpenFile() != _name && File.Exists(path);

    /// <summary>Where the open file is now: the kernel keeps it up to date when the file is moved or deleted.</summary>
    private string? NameOfOpenFile() => File.ResolveLinkTarget(
        string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{_file!.DangerousGetHandle()}"), returnFinalTarget: false)?.FullName;

    private async Task<List<LogLine>> ReadSomeAsync(CancellationToken ct)
    {
        var lines = new List<LogLine>();
        int count = _file is null ? 0 : await RandomAccess.ReadAsync(_file, _chunk, _position, ct);
        _hasMore = count > 0;
        _position += count;
        Split(_chunk.AsSpan(0, count), lines);
        return lines;
    }

    private void Split(ReadOnlySpan<byte> bytes, List<LogLine> lines)
    {
        int end;
        while ((end = bytes.IndexOf((byte)'\n')) >= 0)
        {
            _line.AddRange(bytes[..end]);
            if (_parser.Add(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_line)) is { } line)
                lines.Add(line);
            _line.Clear();
            bytes = bytes[(end + 1)..];
        }
        if (_line.Count + bytes.Length <= LineLimitBytes)
            _line.AddRange(bytes);
    }
}
