using System.Globalization;
using System.IO.Compression;

namespace Orchestrator.Runtime.Kubelet.Cri.Logs;

/// <summary>
/// Keeps containers' logs small: <c>0.log</c> becomes <c>0.log.20261127-015359</c>, which is packed (<c>.gz</c>) when the next
/// one is moved away, and the oldest go.
/// </summary>
public sealed class LogRotation(LogRotationSettings options, TimeProvider clock, Func<string, CancellationToken, Task> reopen)
{
    private const string TimeFormat = "yyyyMMdd-HHmmss";
    private const string Packed = ".gz";
    private const string Unfinished = ".tmp";

    /// <summary>Looks at all running containers' logs again and again until it is cancelled.</summary>
    public async Task RunAsync(Func<CancellationToken, Task<IReadOnlyList<(string ContainerId, string LogPath)>>> list, CancellationToken ct)
    {
        using var timer = new PeriodicTimer(options.Interval, clock);
        while (await timer.WaitForNextTickAsync(ct))
        {
            try
            {
                foreach ((string id, string path) in await list(ct))
                    await RotateIfDueAsync(id, path, ct);
            }
            catch (Exception e) when (e is CriException or IOException or UnauthorizedAccessException)
            {
                // A full disk or a runtime that is away: the next look tries again.
            }
        }
    }

    /// <returns>Whether the file was moved away.</returns>
    /// <exception cref="CriException">The runtime does not begin a new file; the old one is in its place again.</exception>
    public async Task<bool> RotateIfDueAsync(string containerId, string path, CancellationToken ct)
    {
        var file = new FileInfo(path);
        if (!file.Exists)
        {
            await reopen(containerId, ct); // Somebody has deleted or moved it: what the container writes went nowhere.
            return false;
        }
        if (file.Length < options.MaxBytes)
            return false;
        foreach (string left in Others(path).Where(other => other.EndsWith(Unfinished, StringComparison.Ordinal)))
            File.Delete(left); // Of a kubelet that was killed while it packed.
        // One place of MaxFiles is for the file in use, one for that which is about to be moved.
        List<string> old = [.. Others(path).Order(StringComparer.Ordinal)];
        foreach (string excess in old.SkipLast(Math.Max(0, options.MaxFiles - 2)))
            File.Delete(excess);
        foreach (string plain in old.TakeLast(Math.Max(0, options.MaxFiles - 2)).Where(other => !other.EndsWith(Packed, StringComparison.Ordinal)))
            await PackAsync(plain, ct);
        await MoveAsync(containerId, path, ct);
        return true;
    }

    private async Task MoveAsync(string containerId, string path, CancellationToken ct)
    {
        string moved = $"{path}.{clock.GetUtcNow().UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture)}";
        File.Move(path, moved);
        try
        {
            await reopen(containerId, ct);
        }
        catch
        {
            if (!File.Exists(path))
                File.Move(moved, path); // Nothing of it is lost, and the next look tries again.
            throw;
        }
    }

    /// <summary>The files that were moved away; by name they are in the order of their times.</summary>
    private static IEnumerable<string> Others(string path) =>
        Directory.EnumerateFiles(Path.GetDirectoryName(path)!).Where(file => Path.GetFileName(file).StartsWith(Path.GetFileName(path) + ".", StringComparison.Ordinal));

    private static async Task PackAsync(string file, CancellationToken ct)
    {
        string unfinished = file + Unfinished;
        await using (FileStream source = File.OpenRead(file))
        await using (var target = new GZipStream(File.Create(unfinished), CompressionLevel.Optimal))
            await source.CopyToAsync(target, ct);
        File.Move(unfinished, file + Packed, overwrite: true);
        File.Delete(file);
    }
}
