using System.Diagnostics;
using System.Text.Json;

namespace Orchestrator.Benchmark;

/// <summary>What a client's watch says of a pod.</summary>
/// <param name="ContainerId">As the status names it, with the runtime's scheme.</param>
internal sealed record WatchedPod(string Name, string Address, bool IsRunning, bool IsLeaving, int Restarts, string ContainerId);

/// <summary>The pods of the default namespace, followed by one watch, with the moments of their changes.</summary>
internal sealed class WatchedPods : IAsyncDisposable
{
    private readonly Dictionary<string, WatchedPod> _pods = [];
    private readonly CancellationTokenSource _ending = new();
    private readonly HttpClient _client;
    private TaskCompletionSource<long> _changed = NewChange();
    private Task _reading = Task.CompletedTask;

    private WatchedPods(HttpClient client) => _client = client;

    public static async Task<WatchedPods> StartAsync(BenchmarkCluster cluster)
    {
        var pods = new WatchedPods(cluster.Connect());
        var response = await pods._client.GetAsync(
            "/api/v1/namespaces/default/pods?watch=true&timeoutSeconds=3600", HttpCompletionOption.ResponseHeadersRead);
        response.EnsureSuccessStatusCode();
        pods._reading = pods.ReadAsync(response);
        return pods;
    }

    public WatchedPod? Find(string name)
    {
        lock (_pods)
            return _pods.GetValueOrDefault(name);
    }

    /// <returns>When the change came, by <see cref="Stopwatch.GetTimestamp"/>.</returns>
    public async Task<long> UntilAsync(string name, Func<WatchedPod?, bool> holds, TimeSpan limit)
    {
        long at = Stopwatch.GetTimestamp();
        while (true)
        {
            Task<long> changed;
            lock (_pods)
            {
                if (holds(_pods.GetValueOrDefault(name)))
                    return at;
                changed = _changed.Task;
            }
            at = await changed.WaitAsync(limit);
        }
    }

    public async Task<WatchedPod[]> UntilAsync(Func<IEnumerable<WatchedPod>, bool> holds, TimeSpan limit)
    {
        while (true)
        {
            Task changed;
            lock (_pods)
            {
                if (holds(_pods.Values))
                    return [.. _pods.Values];
                changed = _changed.Task;
            }
            await changed.WaitAsync(limit);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _reading;
        _client.Dispose();
        _ending.Dispose();
    }

    private async Task ReadAsync(HttpResponseMessage response)
    {
        try
        {
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(_ending.Token));
            while (await reader.ReadLineAsync(_ending.Token) is { } line)
                Note(line, Stopwatch.GetTimestamp());
        }
        catch (OperationCanceledException)
        {
            // At the end.
        }
        finally
        {
            response.Dispose();
        }
    }

    private void Note(string line, long at)
    {
        using var change = JsonDocument.Parse(line);
        var pod = change.RootElement.GetProperty("object");
        var metadata = pod.GetProperty("metadata");
        string name = metadata.GetProperty("name").GetString()!;
        TaskCompletionSource<long> changed;
        lock (_pods)
        {
            if (change.RootElement.GetProperty("type").GetString() == "DELETED")
                _pods.Remove(name);
            else
                _pods[name] = Read(name, metadata, pod.GetProperty("status"));
            changed = _changed;
            _changed = NewChange();
        }
        changed.SetResult(at);
    }

    private static WatchedPod Read(string name, JsonElement metadata, JsonElement status)
    {
        JsonElement? container = status.TryGetProperty("containerStatuses", out var all) && all.GetArrayLength() > 0 ? all[0] : null;
        return new WatchedPod(
            name,
            status.TryGetProperty("podIP", out var address) ? address.GetString()! : "",
            container?.GetProperty("state").TryGetProperty("running", out _) == true && status.GetProperty("phase").GetString() == "Running",
            metadata.TryGetProperty("deletionTimestamp", out _),
            container?.GetProperty("restartCount").GetInt32() ?? 0,
            container?.TryGetProperty("containerID", out var id) == true ? id.GetString()! : "");
    }

    private static TaskCompletionSource<long> NewChange() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
