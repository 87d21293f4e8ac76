using System.Globalization;
using System.Text.Json;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Client;

namespace Orchestrator.Runtime.Scheduling;

/// <summary>The scheduler's writes, so many at once and no more.</summary>
internal sealed class PodWriter(ApiClient client, int limit)
{
    private static readonly ResourceDescription Pods = ApiClient.ResourceOf<Pod>();

    private static readonly TimeSpan ReadRetryDelay = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private int _runningCount;
    private TaskCompletionSource? _room;

    /// <summary>Returns when another write may start; in between it lets others go on.</summary>
    public async Task WaitForRoomAsync(CancellationToken cancellation)
    {
        await Task.Yield();
        TaskCompletionSource room;
        lock (_lock)
        {
            if (_runningCount < limit)
                return;
            room = _room = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        await using var registration = cancellation.Register(() => room.TrySetCanceled(cancellation));
        await room.Task;
    }

    public Task BindAsync(Pod pod, string nodeName, CancellationToken cancellation)
    {
        var binding = new Binding
        {
            Metadata = new ObjectMeta { Namespace = pod.Namespace, Name = pod.Name, Uid = pod.Uid },
            Target = new ObjectReference { Kind = "Node", Name = nodeName },
        };
        return CountedAsync(() => client.CreateSubresourceAsync(
            Pods, pod.Namespace, pod.Name, "binding", binding, cancellation: cancellation));
    }

    /// <summary>Puts a claim or a volume as it was decided; it carries the version on which that was.</summary>
    /// <returns>What it is now.</returns>
    public async Task<IKubernetesObject> UpdateAsync(IKubernetesObject changed, CancellationToken cancellation)
    {
        IKubernetesObject? written = null;
        await CountedAsync(async () => written = await client.UpdateAsync(changed, cancellation: cancellation));
        return written!;
    }

    /// <summary>The pod as the API has it, asked until somebody answers; null if it is gone.</summary>
    public async Task<Pod?> ReadAsync(Pod pod, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                var read = await client.FindAsync<Pod>(pod.Namespace, pod.Name, cancellation);
                return read?.Uid == pod.Uid ? read : null;
            }
            catch (Exception fault) when (fault is ApiException or TransportException)
            {
                await Task.Delay(ReadRetryDelay, client.Time, cancellation);
            }
        }
    }

    /// <summary>Puts PodScheduled=False into the pod's conditions, and the node that is kept for it into its status, unless they
    /// say so already. A fault is let be: the next attempt says it anew.</summary>
    /// <param name="nominatedNode">Empty: none any more; null: whatever it was.</param>
    public async Task MarkUnscheduledAsync(
        Pod pod, string reason, string message, string? nominatedNode, CancellationToken cancellation)
    {
        var known = pod.Status.Conditions.OrEmpty().Find(condition => condition.Type == "PodScheduled");
        if (nominatedNode == (pod.Status.NominatedNodeName ?? ""))
            nominatedNode = null;
        if (nominatedNode is null && known is { Status: "False" } && known.Reason == reason && known.Message == message)
            return;
        string since = known is { Status: "False", LastTransitionTime: { } time } ? Text(time) : Text(client.Time.GetUtcNow());
        try
        {
            await PatchStatusAsync(pod, Patch(pod, ("PodScheduled", "False", reason, message, since), nominatedNode), cancellation);
        }
        catch (Exception fault) when (fault is ApiException or TransportException or OperationCanceledException)
        {
            // Said above.
        }
    }

    /// <summary>Takes back the promise of a node; as much of a status as a fault leaves is corrected when the pod fails again.</summary>
    public async Task ClearNominationAsync(Pod pod, CancellationToken cancellation)
    {
        try
        {
            await PatchStatusAsync(pod, Patch(pod, null, ""), cancellation);
        }
        catch (Exception fault) when (fault is ApiException or TransportException or OperationCanceledException)
        {
            // Said above.
        }
    }

    /// <summary>Has a pod leave its node for a more important one: says so in its conditions, and then deletes it with its own
    /// grace. That it is gone already is as well.</summary>
    public async Task EvictAsync(Pod victim, string schedulerName, CancellationToken cancellation)
    {
        string message = $"{schedulerName}: preempting to accommodate a higher priority pod";
        try
        {
            if (!victim.IsBeingDeleted)
            {
                string now = Text(client.Time.GetUtcNow());
                await PatchStatusAsync(
                    victim, Patch(victim, ("DisruptionTarget", "True", "PreemptionByScheduler", message, now), null), cancellation);
            }
            await CountedAsync(() => client.DeleteAsync<Pod>(
                victim.Namespace, victim.Name, new Deletion { Uid = victim.Uid }, cancellation));
        }
        catch (ApiException refusal) when (refusal.IsNotFound || refusal.IsConflict)
        {
            // Gone, or another pod of the name by now.
        }
    }

    private Task PatchStatusAsync(Pod pod, byte[] patch, CancellationToken cancellation) => CountedAsync(() => client.PatchAsync(
        Pods, pod.Namespace, pod.Name, PatchFormat.Strategic, patch, "status", cancellation: cancellation));

    private static byte[] Patch(
        Pod pod, (string Type, string Status, string Reason, string Message, string Since)? condition, string? nominatedNode)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject("metadata"u8);
            json.WriteString("uid"u8, pod.Uid);
            json.WriteEndObject();
            json.WriteStartObject("status"u8);
            if (nominatedNode == "")
                json.WriteNull("nominatedNodeName"u8);
            else if (nominatedNode is not null)
                json.WriteString("nominatedNodeName"u8, nominatedNode);
            if (condition is { } told)
            {
                json.WriteStartArray("conditions"u8);
                json.WriteStartObject();
                json.WriteString("type"u8, told.Type);
                json.WriteString("status"u8, told.Status);
                json.WriteString("reason"u8, told.Reason);
                json.WriteString("message"u8, told.Message);
                json.WriteString("lastTransitionTime"u8, told.Since);
                json.WriteEndObject();
                json.WriteEndArray();
            }
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    private static string Text(DateTimeOffset time) =>
        time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private async Task CountedAsync(Func<Task> write)
    {
        lock (_lock)
            _runningCount++;
        try
        {
            await write();
        }
        finally
        {
            lock (_lock)
            {
                _runningCount--;
                _room?.TrySetResult();
                _room = null;
            }
        }
    }
}
