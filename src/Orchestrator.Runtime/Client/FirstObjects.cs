using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Api.StorageV1;
using Orchestrator.Control.Storage;

namespace Orchestrator.Runtime.Client;

/// <summary>What a cluster has from its first start on and its users may change or delete for good: the default storage class.</summary>
/// <remarks>That it was made is noted in the cluster itself, so that no later start, and no other server on the same store, makes it anew.</remarks>
public static class FirstObjects
{
    private const string Namespace = "kube-system";
    private const string Note = "orchestrator-first-objects";
    private const string StorageClassKey = "storageclass." + LocalPathProvisioner.ClassName;

    /// <summary>Makes what was not made yet; where that cannot be done now, the next start tries again.</summary>
    public static async Task EnsureAsync(ApiClient client, ILogger log, CancellationToken cancellation)
    {
        try
        {
            await EnsureAsync(client, cancellation);
        }
        catch (Exception fault) when (fault is ApiException or TransportException)
        {
            log.LogError("the storage class {Name} was not made: {Reason}", LocalPathProvisioner.ClassName, fault.Message);
        }
    }

    private static async Task EnsureAsync(ApiClient client, CancellationToken cancellation)
    {
        var note = await client.FindAsync<ConfigMap>(Namespace, Note, cancellation);
        if (note?.Data.OrEmpty().ContainsKey(StorageClassKey) == true)
            return;
        await CreateClassAsync(client, cancellation);
        await WriteAsync(note, client, cancellation);
    }

    private static async Task CreateClassAsync(ApiClient client, CancellationToken cancellation)
    {
        var made = LocalPathProvisioner.DefaultClass();
        // A cluster that was there before may have chosen another one.
        if ((await client.ListAsync<StorageClass>("", cancellation: cancellation)).Items.Any(StorageNames.IsDefault))
            made.Metadata.Annotations!.Remove(StorageNames.DefaultClass);
        try
        {
            await client.CreateAsync(made, cancellation: cancellation);
        }
        catch (ApiException refusal) when (refusal.IsAlreadyExists)
        {
            // A user's own, or that of a start that ended before it was noted.
        }
    }

    private static async Task WriteAsync(ConfigMap? note, ApiClient client, CancellationToken cancellation)
    {
        try
        {
            if (note is null)
            {
                var made = new ConfigMap { Metadata = new ObjectMeta { Namespace = Namespace, Name = Note }, Data = new() { [StorageClassKey] = "made" } };
                await client.CreateAsync(made, cancellation: cancellation);
                return;
            }
            (note.Data ??= [])[StorageClassKey] = "made";
            await client.UpdateAsync(note, cancellation: cancellation);
        }
        catch (ApiException refusal) when (refusal.IsAlreadyExists || refusal.IsConflict)
        {
            // Another server starts at the same time, and notes the same.
        }
    }
}
