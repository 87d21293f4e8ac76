using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Requests;
using Orchestrator.Runtime.ApiServer.Resources;
using Orchestrator.Runtime.ApiServer.Storage;

namespace Orchestrator.Runtime.ApiServer.Writing;

/// <param name="State">The object as it is now, or was last.</param>
/// <param name="IsDeleted">It is gone; else finalizers, or a grace period, keep it.</param>
internal readonly record struct DeleteResult(StoredObject State, bool IsDeleted);

/// <summary>Deletes objects: at once, or by marking them so that finalizers or the kubelet come to their end.</summary>
internal sealed class ObjectDeleter(
    ObjectStore store, AdmissionChain admission, StorageRules rules, TimeProvider clock)
{
    private const string OrphanFinalizer = "orphan";
    private const string ForegroundFinalizer = "foregroundDeletion";
    private const int MaxAttempts = 50;

    /// <exception cref="ApiException">NotFound, Conflict (preconditions), Forbidden.</exception>
    public async Task<DeleteResult> DeleteAsync(WriteContext context, DeleteOptions options, CancellationToken cancellationToken)
    {
        await AdmitAsync(context, cancellationToken).ConfigureAwait(false);
        StoredObject? current = null;
        for (int attempt = 1; attempt <= MaxAttempts; attempt++)
        {
            current ??= await store.GetAsync(context.Stored, context.Key, cancellationToken).ConfigureAwait(false)
                ?? throw ApiErrors.NotFound(context.View.GroupResource, context.Name);
            var value = current.Parse();
            CheckPreconditions(context, options, value);
            var marking = Mark(context, options, value);
            if (context.IsDryRun)
                return new DeleteResult(Changed(current, value, current.Revision), marking == Marking.DeleteNow);
            var (result, latest) = marking switch
            {
                Marking.DeleteNow => await RemoveAsync(context, current, cancellationToken).ConfigureAwait(false),
                Marking.Store => await StoreAsync(context, current, value, cancellationToken).ConfigureAwait(false),
                _ => (new DeleteResult(current, false), null),
            };
            if (result is { } done)
                return done;
            current = latest;
        }

        throw ApiErrors.Conflict(context.View.GroupResource, context.Name);
    }

    private enum Marking
    {
        /// <summary>It is on its way already.</summary>
        Nothing,
        Store,
        DeleteNow,
    }

    private async Task AdmitAsync(WriteContext context, CancellationToken cancellationToken)
    {
        if (context.SkipsAdmission || admission.IsEmpty)
            return;
        var old = await store.GetAsync(context.Stored, context.Key, cancellationToken).ConfigureAwait(false)
            ?? throw ApiErrors.NotFound(context.View.GroupResource, context.Name);
        var request = admission.Request(context, AdmissionOperation.Delete, null, old.Parse());
        await admission.MutateAsync(context, request, cancellationToken).ConfigureAwait(false);
        await admission.ValidateAsync(context, request, cancellationToken).ConfigureAwait(false);
    }

    private static void CheckPreconditions(WriteContext context, DeleteOptions options, IKubernetesObject value)
    {
        if (options.Uid is { } uid && uid != value.Uid)
            throw Failed("UID", uid, value.Uid);
        if (options.ResourceVersion is { } revision && revision != value.ResourceVersion)
            throw Failed("ResourceVersion", revision, value.ResourceVersion);

        ApiException Failed(string what, string expected, string found) => ApiErrors.Conflict(
            context.View.GroupResource, context.Name,
            $"Precondition failed: {what} in precondition: {expected}, {what} in object meta: {found}");
    }

    private Marking Mark(WriteContext context, DeleteOptions options, IKubernetesObject value)
    {
        if (value is Namespace ns)
            return MarkNamespace(options, ns);
        long? grace = context.Stored.Strategy.GracePeriodSeconds(value, options.GracePeriodSeconds);
        return grace is { } seconds ? MarkGraceful(options, value, seconds) : MarkPlain(context, options, value);
    }

    private Marking MarkPlain(WriteContext context, DeleteOptions options, IKubernetesObject value)
    {
        bool areFinalizersChanged = SetFinalizers(context, options, value);
        if (value.Metadata.Finalizers is not { Count: > 0 })
            return Marking.DeleteNow;
        if (value.IsBeingDeleted && !areFinalizersChanged)
            return Marking.Nothing;
        value.Metadata.DeletionTimestamp ??= Now();
        value.Metadata.DeletionGracePeriodSeconds ??= 0;
        CountGeneration(value);
        return Marking.Store;
    }

    private Marking MarkGraceful(DeleteOptions options, IKubernetesObject value, long grace)
    {
        var metadata = value.Metadata;
        if (metadata.DeletionTimestamp is { } deletion)
        {
            // A deletion under way can only be hastened.
            long pending = metadata.DeletionGracePeriodSeconds ?? 0;
            if (options.GracePeriodSeconds is not { } asked || Math.Max(0, asked) >= pending)
                return pending == 0 && metadata.Finalizers is not { Count: > 0 } ? Marking.DeleteNow : Marking.Nothing;
            grace = Math.Max(0, asked);
            metadata.DeletionTimestamp = deletion.AddSeconds(grace - pending);
        }
        else
        {
            metadata.DeletionTimestamp = Now().AddSeconds(grace);
            CountGeneration(value);
        }

        metadata.DeletionGracePeriodSeconds = grace;
        SetFinalizers(null, options, value);
        return grace == 0 && metadata.Finalizers is not { Count: > 0 } ? Marking.DeleteNow : Marking.Store;
    }

    /// <summary>A namespace goes when its contents are gone: the namespace controller takes the finalizer away.</summary>
    private Marking MarkNamespace(DeleteOptions options, Namespace ns)
    {
        bool isChanged = SetFinalizers(null, options, ns);
        if (!ns.IsBeingDeleted)
        {
            ns.Metadata.DeletionTimestamp = Now();
            ns.Status.Phase = "Terminating";
            return ns.Spec.Finalizers is { Count: > 0 } || ns.Metadata.Finalizers is { Count: > 0 }
                ? Marking.Store
                : Marking.DeleteNow;
        }

        if (ns.Spec.Finalizers is { Count: > 0 } || ns.Metadata.Finalizers is { Count: > 0 })
            return isChanged ? Marking.Store : Marking.Nothing;
        return Marking.DeleteNow;
    }

    /// <summary>The two finalizers of the garbage collector, as the propagation policy says.</summary>
    /// <param name="context">Null where the resource's own default is to delete dependents.</param>
    /// <returns>Whether something changed.</returns>
    private static bool SetFinalizers(WriteContext? context, DeleteOptions options, IKubernetesObject value)
    {
        string policy = options.PropagationPolicy
            ?? (options.OrphanDependents is { } orphan ? (orphan ? "Orphan" : "Background") : DefaultPolicy(context, value));
        var finalizers = value.Metadata.Finalizers.OrEmpty();
        var wanted = finalizers.Where(finalizer => finalizer is not (OrphanFinalizer or ForegroundFinalizer)).ToList();
        if (policy == "Orphan")
            wanted.Add(OrphanFinalizer);
        else if (policy == "Foreground")
            wanted.Add(ForegroundFinalizer);
        if (wanted.SequenceEqual(finalizers))
            return false;
        value.Metadata.Finalizers = wanted.Count > 0 ? wanted : null;
        return true;
    }

    private static string DefaultPolicy(WriteContext? context, IKubernetesObject value)
    {
        // A finalizer that is there already says what was wanted.
        if (value.Metadata.Finalizers.OrEmpty().Contains(OrphanFinalizer))
            return "Orphan";
        if (value.Metadata.Finalizers.OrEmpty().Contains(ForegroundFinalizer))
            return "Foreground";
        if (context?.View.Description is { Group: "batch", Plural: "jobs" })
        {
            context.Warnings.Add(
                "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning");
            return "Orphan";
        }

        return context?.View.Description is { Group: "", Plural: "replicationcontrollers" } ? "Orphan" : "Background";
    }

    private static void CountGeneration(IKubernetesObject value)
    {
        if (value.Metadata.Generation is > 0)
            value.Metadata.Generation++;
    }

    private DateTimeOffset Now() => DateTimeOffset.FromUnixTimeSeconds(clock.GetUtcNow().ToUnixTimeSeconds());

    private async Task<(DeleteResult? Result, StoredObject? Latest)> RemoveAsync(
        WriteContext context, StoredObject current, CancellationToken cancellationToken)
    {
        var (isDone, latest, revision) = await store.DeleteAsync(
            context.Stored, context.Key, current.Revision, cancellationToken).ConfigureAwait(false);
        if (!isDone)
            return latest is null ? throw ApiErrors.NotFound(context.View.GroupResource, context.Name) : (null, latest);
        await rules.ReleaseAsync(context.Stored.GroupResource, current.Parse(), cancellationToken).ConfigureAwait(false);
        return (new DeleteResult(current.AtRevision(revision), true), null);
    }

    private async Task<(DeleteResult? Result, StoredObject? Latest)> StoreAsync(
        WriteContext context, StoredObject current, IKubernetesObject value, CancellationToken cancellationToken)
    {
        value.Metadata.ResourceVersion = null;
        byte[] json = JsonBytes.Of(JsonBytes.ParseObject(KubernetesJson.Serialize(value)));
        var (isDone, state) = await store.UpdateAsync(
            context.Stored, context.Key, json, current.Revision, default, cancellationToken).ConfigureAwait(false);
        if (isDone)
            return (new DeleteResult(state!, false), null);
        return state is null ? throw ApiErrors.NotFound(context.View.GroupResource, context.Name) : (null, state);
    }

    private static StoredObject Changed(StoredObject current, IKubernetesObject value, long revision)
    {
        value.Metadata.ResourceVersion = null;
        return StoredObject.Written(current.Resource, current.Key, KubernetesJson.Serialize(value), revision);
    }
}
