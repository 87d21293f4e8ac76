using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet.StaticPods;

/// <summary>The folder of static pods' manifests: what it asks for, and when it may ask for something else.</summary>
/// <remarks>
/// As a kubelet does it: every file counts, whatever its name ends in, but those whose names begin with a dot. A file that has become
/// worse keeps the pod that it was before; its log line comes once.
/// </remarks>
internal sealed class StaticPodFolder(string folder, string nodeName, TimeProvider clock, ILogger log) : IDisposable
{
    /// <summary>No manifest is larger.</summary>
    private const int SizeLimit = 10 * 1024 * 1024;

    private readonly Dictionary<string, ReadFile> _files = []; // By path.
    private readonly Dictionary<string, string> _told = [];
    private FileSystemWatcher? _watcher;

    /// <summary>Whether the folder's list could be read the last time, or is known not to be there.</summary>
    public bool IsRead { get; private set; }

    /// <summary>Calls <paramref name="changed"/>, which must be quick, soon after a file has changed.</summary>
    /// <returns>Whether changes are told; if not, it has to be looked.</returns>
    public bool Watch(Action changed)
    {
        if (_watcher is not null)
            return true;
        if (!Directory.Exists(folder))
            return false;
        FileSystemWatcher? watcher = null;
        try
        {
            watcher = new FileSystemWatcher(folder);
            watcher.Created += (_, _) => changed();
            watcher.Changed += (_, _) => changed();
            watcher.Deleted += (_, _) => changed();
            watcher.Renamed += (_, _) => changed();
            watcher.Error += (_, _) => changed();
            watcher.EnableRaisingEvents = true;
            _watcher = watcher;
            return true;
        }
        catch (Exception fault) when (fault is IOException or ArgumentException or UnauthorizedAccessException)
        {
            watcher?.Dispose();
            Tell(folder + " (watch)", $"is not watched, but looked at from time to time: {fault.Message}");
            return false;
        }
    }

    /// <summary>The pods that its files ask for, by name. Of two of one name the first file's counts.</summary>
    public IReadOnlyDictionary<NamespacedName, Pod> Read()
    {
        List<string>? paths = List();
        IsRead = paths is not null;
        if (paths is not null)
        {
            foreach (string gone in _files.Keys.Except(paths).ToList())
                Forget(gone);
            paths.ForEach(Read);
        }
        var pods = new Dictionary<NamespacedName, Pod>();
        foreach (var (path, file) in _files.OrderBy(file => file.Key, StringComparer.Ordinal))
        {
            if (file.Pod is { } pod && !pods.TryAdd(pod.Key, pod))
                Tell(path, $"is not run: another file has a pod {pod.Namespace}/{pod.Name}");
        }
        return pods;
    }

    public void Dispose() => _watcher?.Dispose();

    /// <returns>Null where that cannot be told.</returns>
    private List<string>? List()
    {
        try
        {
            List<string> paths = [.. Directory.GetFiles(folder).Where(path => !Path.GetFileName(path).StartsWith('.')).Order(StringComparer.Ordinal)];
            _told.Remove(folder);
            return paths;
        }
        catch (DirectoryNotFoundException)
        {
            StopWatching(); // One that is made later is another.
            return [];
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            Tell(folder, $"cannot be read: {fault.Message}");
            return null;
        }
    }

    private void StopWatching()
    {
        _watcher?.Dispose();
        _watcher = null;
    }

    private void Read(string path)
    {
        ReadFile? before = _files.GetValueOrDefault(path);
        try
        {
            if (new FileInfo(path).Length > SizeLimit)
                throw new StaticManifestException($"it is larger than {SizeLimit} bytes");
            string text = File.ReadAllText(path, Encoding.UTF8);
            if (text == before?.Text)
                return;
            _files[path] = new ReadFile(text, Parse(path, text, before?.Pod));
        }
        catch (FileNotFoundException)
        {
            Forget(path);
        }
        catch (Exception fault) when (fault is StaticManifestException or IOException or UnauthorizedAccessException)
        {
            if (before is not null)
                _files[path] = before with { Text = null }; // Read anew even when it is as it was.
            Tell(path, before?.Pod is null ? $"is no static pod: {fault.Message}" : $"is no static pod any more, the one from before runs on: {fault.Message}");
        }
    }

    private Pod Parse(string path, string text, Pod? before)
    {
        var warnings = new List<string>();
        Pod pod = StaticManifest.Read(text, nodeName, warnings);
        if (warnings.Count == 0)
            _told.Remove(path);
        else
            Tell(path, $"is run without what is unknown in it: {string.Join(", ", warnings)}");
        if (before?.Uid == pod.Uid)
            return before;
        pod.Metadata.Annotations![StaticManifest.SeenAnnotation] = clock.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture);
        return pod;
    }

    private void Forget(string path)
    {
        _files.Remove(path);
        _told.Remove(path);
    }

    private void Tell(string path, string problem)
    {
        if (_told.GetValueOrDefault(path) == problem)
            return;
        _told[path] = problem;
        log.LogError("static pods: {Path} {Problem}", path, problem);
    }

    private sealed record ReadFile(string? Text, Pod? Pod);
}
