using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>One pod's way to the API: the newest status that is still to be written.</summary>
internal sealed class PodStatusSlot
{
    public Lock Gate { get; } = new();

    /// <summary>As the node of the pod.</summary>
    public required IKubeletApi Api { get; init; }

    /// <summary>What the API is known to show.</summary>
    public required Pod Known { get; set; }
    public PodStatus? Wanted { get; set; }
    public bool IsQueued { get; set; }
    public bool IsGone { get; set; }

    /// <summary>The pod is static: its mirror may go and another may come.</summary>
    public bool IsOfMirror { get; init; }

    /// <summary>There is no mirror to write to at present: what is wanted waits for one.</summary>
    public bool IsHeld { get; set; }
    public IDisposable? Delayed { get; set; }
    public int Failures { get; set; }
    public List<TaskCompletionSource> Waiting { get; } = [];
}

/// <summary>Writes pods' statuses: only what differs, only the newest, a few at once for all nodes of the process.</summary>
internal sealed class PodStatusWriter : IAsyncDisposable
{
    /// <summary>Writes under way at once.</summary>
    private const int WriterCount = 16;
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LastRetry = TimeSpan.FromSeconds(30);

    private readonly Alarms _alarms;
    private readonly CancellationToken _stopping;
    private readonly Channel<PodStatusSlot> _queue = Channel.CreateUnbounded<PodStatusSlot>(); // One entry a pod at most.
    private readonly Task[] _writers;

    public PodStatusWriter(Alarms alarms, CancellationToken stopping)
    {
        _alarms = alarms;
        _stopping = stopping;
        _writers = [.. Enumerable.Range(0, WriterCount).Select(_ => Task.Run(WriteAsync, CancellationToken.None))];
    }

    /// <summary>Writes a status soon; one that comes before it has been written takes its place.</summary>
    /// <param name="delay">Waits that long for a better one.</param>
    public void Write(PodStatusSlot slot, PodStatus status, TimeSpan delay)
    {
        lock (slot.Gate)
        {
            if (slot.IsGone)
                return;
            slot.Wanted = status;
            if (delay > TimeSpan.Zero && !slot.IsQueued)
                slot.Delayed ??= _alarms.Set(_alarms.Now + delay, () => Enqueue(slot));
            else
                Enqueue(slot);
        }
    }

    /// <summary>There is a mirror now, or it has changed.</summary>
    /// <returns>Whether it is another. What waited for it goes: it does not go on from what this one shows, so it is to be made anew.</returns>
    public static bool Show(PodStatusSlot slot, Pod mirror)
    {
        lock (slot.Gate)
        {
            bool isAnother = slot.IsHeld || slot.Known.Uid != mirror.Uid;
            slot.Known = mirror;
            slot.IsHeld = false;
            if (isAnother)
                slot.Wanted = null;
            return isAnother;
        }
    }

    /// <summary>Completes when nothing is left to write for this pod.</summary>
    public Task WrittenAsync(PodStatusSlot slot)
    {
        lock (slot.Gate)
        {
            if (slot.Wanted is null && !slot.IsQueued || slot.IsGone)
                return Task.CompletedTask;
            var written = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            slot.Waiting.Add(written);
            return written.Task.WaitAsync(_stopping);
        }
    }

    /// <summary>The pod is no longer there: nothing more is written.</summary>
    public static void Forget(PodStatusSlot slot)
    {
        lock (slot.Gate)
        {
            slot.IsGone = true;
            Settle(slot);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await Task.WhenAll(_writers);
    }

    private void Enqueue(PodStatusSlot slot)
    {
        lock (slot.Gate)
        {
            slot.Delayed?.Dispose();
            slot.Delayed = null;
            if (slot.IsQueued || slot.Wanted is null)
                return;
            slot.IsQueued = true;
        }
        _queue.Writer.TryWrite(slot);
    }

    private async Task WriteAsync()
    {
        try
        {
            await foreach (PodStatusSlot slot in _queue.Reader.ReadAllAsync(_stopping))
                await WriteAsync(slot);
        }
        catch (Exception) when (_stopping.IsCancellationRequested)
        {
            // Whatever the write under way came to.
        }
    }

    private async Task WriteAsync(PodStatusSlot slot)
    {
        Pod known;
        PodStatus? wanted;
        lock (slot.Gate)
        {
            if (slot is { IsHeld: true, IsGone: false })
            {
                slot.IsQueued = false;
                return;
            }
            wanted = slot.IsGone ? null : slot.Wanted;
            slot.Wanted = null;
            known = slot.Known;
        }
        try
        {
            byte[]? patch = wanted is null ? null : Difference(known, wanted);
            Pod? written = patch is null
                ? null
                : await slot.Api.PatchAsync<Pod>(known.Namespace, known.Name, "status", patch, _stopping);
            Finish(slot, known, written);
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // Deleted, or another pod of this name by now.
            if (slot.IsOfMirror)
            {
                Hold(slot, known, wanted!);
                return;
            }
            Forget(slot);
            lock (slot.Gate)
                slot.IsQueued = false;
        }
        catch (Exception) when (!_stopping.IsCancellationRequested)
        {
            Retry(slot, wanted!); // Whatever it was: a status that is never written again would be a lie for ever.
        }
    }

    private void Finish(PodStatusSlot slot, Pod known, Pod? written)
    {
        lock (slot.Gate)
        {
            slot.Failures = 0;
            slot.IsQueued = false;
            if (written is not null && slot.Known == known)
                slot.Known = written; // Unless the watch has brought another meanwhile.
            if (slot.Wanted is null)
                Settle(slot);
            else
                Enqueue(slot);
        }
    }

    private void Retry(PodStatusSlot slot, PodStatus wanted)
    {
        lock (slot.Gate)
        {
            slot.IsQueued = false;
            slot.Wanted ??= wanted;
            TimeSpan wait = FirstRetry * Math.Pow(2, Math.Min(slot.Failures++, 10));
            slot.Delayed ??= _alarms.Set(_alarms.Now + (wait < LastRetry ? wait : LastRetry), () => Enqueue(slot));
        }
    }

    private void Hold(PodStatusSlot slot, Pod known, PodStatus wanted)
    {
        lock (slot.Gate)
        {
            slot.IsQueued = false;
            slot.IsHeld = slot.Known.Uid == known.Uid;
            if (slot.IsHeld)
                slot.Wanted ??= wanted;
            else
                Enqueue(slot); // The next mirror is there already, and its own status may be.
        }
    }

    private static void Settle(PodStatusSlot slot)
    {
        slot.Waiting.ForEach(waiting => waiting.TrySetResult());
        slot.Waiting.Clear();
    }

    /// <returns>A strategic merge patch, or null when the API shows all that already.</returns>
    private static byte[]? Difference(Pod known, PodStatus wanted)
    {
        JsonObject before = ToJson(known.Status);
        JsonObject after = ToJson(wanted);
        var changed = new JsonObject();
        foreach (var (name, value) in after)
        {
            if (!JsonNode.DeepEquals(before[name], value))
                changed[name] = name switch
                {
                    "podIPs" or "hostIPs" => Replacing(value!.AsArray()),
                    "conditions" => Clearing(value!.AsArray(), before[name]?.AsArray()),
                    _ => value!.DeepClone(),
                };
        }
        foreach (string name in (string[])["message", "reason", "podIP", "podIPs"])
        {
            if (before.ContainsKey(name) && !after.ContainsKey(name))
                changed[name] = null;
        }
        if (changed.Count == 0)
            return null;
        var patch = new JsonObject { ["metadata"] = new JsonObject { ["uid"] = known.Uid }, ["status"] = changed };
        return JsonSerializer.SerializeToUtf8Bytes(patch);
    }

    private static JsonObject ToJson(PodStatus status) => JsonNode.Parse(KubernetesJson.Serialize(status))!.AsObject();

    /// <summary>Conditions are merged by their types: what one no longer has, its reason for instance, is to be named.</summary>
    private static JsonArray Clearing(JsonArray conditions, JsonArray? before)
    {
        var clearing = new JsonArray();
        foreach (JsonNode? item in conditions)
        {
            JsonObject condition = item!.DeepClone().AsObject();
            JsonNode? known = before?.FirstOrDefault(other => JsonNode.DeepEquals(other!["type"], condition["type"]));
            foreach (string field in known?.AsObject().Select(entry => entry.Key).Where(field => !condition.ContainsKey(field)).ToList() ?? [])
                condition[field] = null;
            clearing.Add(condition);
        }
        return clearing;
    }

    /// <summary>Addresses that are gone must not be merged with those there are.</summary>
    private static JsonArray Replacing(JsonArray list)
    {
        var replacing = new JsonArray(new JsonObject { ["$patch"] = "replace" });
        foreach (JsonNode? item in list)
            replacing.Add(item!.DeepClone());
        return replacing;
    }
}
