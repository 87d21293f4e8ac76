using KvStore.Client;
using Orchestrator.Api;
using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Storage;

namespace Orchestrator.Runtime.ApiServer.Writing;

/// <summary>What one attempt of an update makes of the current state.</summary>
/// <param name="Sent">Of the target's kind; its resourceVersion, if any, must be the current one's.</param>
/// <param name="HasManagedFields">A server-side apply has noted the owners already.</param>
internal readonly record struct Proposal(IKubernetesObject Sent, bool HasManagedFields = false);

/// <summary>Replaces objects: reads, merges, admits, validates, stores if nobody was faster, else begins anew.</summary>
/// <remarks>The first attempt is based on the cache. What is refused on that ground is tried again on the store's own state
/// before the client hears of it.</remarks>
internal sealed class ObjectUpdater(
    ObjectStore store, EventLeases leases, ObjectCreator creator, AdmissionChain admission, StorageRules rules, TimeProvider clock)
{
    /// <summary>Losing so often against other writers ends as a conflict.</summary>
    private const int MaxAttempts = 50;

    /// <param name="propose">Called for each attempt with the current state; null if the object does not exist (then only where
    /// the target allows creation).</param>
    /// <returns>What is stored now, and whether it was created.</returns>
    /// <exception cref="ApiException">NotFound, Conflict, Invalid, Forbidden, ...</exception>
    public async Task<(StoredObject State, bool IsCreated)> UpdateAsync(
        WriteContext context, IUpdateTarget target, Func<StoredObject?, Proposal> propose, CancellationToken cancellationToken)
    {
        var current = context.Stored.Cache.State.Snapshot.Find(context.Key);
        bool isFresh = false;
        for (int attempt = 1; attempt <= MaxAttempts; attempt++)
        {
            if (current is null && !isFresh)
            {
                (current, isFresh) = (await ReadAsync(context, cancellationToken).ConfigureAwait(false), true);
            }

            if (current is null)
            {
                if (!target.AllowsCreate)
                    throw ApiErrors.NotFound(context.View.GroupResource, context.Name);
                if (await CreateAsync(context, target, propose, cancellationToken).ConfigureAwait(false) is { } created)
                    return (created, true);
                (current, isFresh) = (null, false); // Somebody else created it meanwhile.
                continue;
            }

            Attempt result;
            try
            {
                result = await TryAsync(context, target, current, propose, isFresh, cancellationToken).ConfigureAwait(false);
            }
            catch (ApiException) when (!isFresh)
            {
                result = Attempt.Again(null);
            }

            if (result.Done is { } done)
                return (done, false);
            (current, isFresh) = result.Latest is { } latest ? (latest, true) : (null, false);
        }

        throw ApiErrors.Conflict(context.View.GroupResource, context.Name);
    }

    private Task<StoredObject?> ReadAsync(WriteContext context, CancellationToken cancellationToken) =>
        store.GetAsync(context.Stored, context.Key, cancellationToken);

    private async Task<StoredObject?> CreateAsync(
        WriteContext context, IUpdateTarget target, Func<StoredObject?, Proposal> propose, CancellationToken cancellationToken)
    {
        if (context.CheckCreate is { } check)
            await check(cancellationToken).ConfigureAwait(false);
        var proposal = propose(null);
        var value = target.Merge(null, proposal.Sent, clock.GetUtcNow());
        if (value.ResourceVersion.Length > 0)
            throw ApiErrors.NotFound(context.View.GroupResource, context.Name); // It was there when its sender read it.
        if (value.Uid.Length > 0)
            throw Mismatch(context, "UID", value.Uid, "");
        try
        {
            return await creator.CreateAsync(context, value, cancellationToken, proposal.HasManagedFields).ConfigureAwait(false);
        }
        catch (ApiException exception) when (exception.IsAlreadyExists)
        {
            return null;
        }
    }

    private async Task<Attempt> TryAsync(
        WriteContext context, IUpdateTarget target, StoredObject current, Func<StoredObject?, Proposal> propose, bool isFresh,
        CancellationToken cancellationToken)
    {
        var old = current.Parse();
        var proposal = propose(current);
        CheckSent(context, target, proposal.Sent, old);
        var value = target.Merge(old, proposal.Sent, clock.GetUtcNow());
        // What a client can not take away, whatever it sends.
        value.Metadata.Name = old.Metadata.Name;
        value.Metadata.Namespace = old.Metadata.Namespace;
        value.Metadata.ResourceVersion = old.Metadata.ResourceVersion;
        var request = admission.Request(
            context, AdmissionOperation.Update, value, old, target.Subresource.Length == 0 ? null : target.Kind);
        await admission.MutateAsync(context, request, cancellationToken).ConfigureAwait(false);
        var errors = target.Validate(value, old);
        if (errors.Count > 0)
            throw ApiErrors.Invalid(context.View.Kind.GroupKind, context.Name, errors);
        if (target.Subresource.Length == 0)
            context.Warnings.AddRange(context.Stored.Strategy.Warnings(value, old).Except(context.Warnings));
        await admission.ValidateAsync(context, request, cancellationToken).ConfigureAwait(false);
        return await StoreAsync(context, current, old, value, proposal.HasManagedFields, isFresh, cancellationToken)
            .ConfigureAwait(false);
    }

    private static void CheckSent(WriteContext context, IUpdateTarget target, IKubernetesObject sent, IKubernetesObject old)
    {
        string revision = sent.ResourceVersion;
        if (revision.Length == 0 && !context.Stored.Strategy.AllowsUnconditionalUpdate && target.Subresource.Length == 0)
            throw ApiErrors.Invalid(context.View.Kind.GroupKind, context.Name,
                [FieldError.Invalid(FieldPath.Of("metadata", "resourceVersion"), 0, "must be specified for an update")]);
        if (sent.Uid.Length > 0 && sent.Uid != old.Uid)
            throw Mismatch(context, "UID", sent.Uid, old.Uid);
        // "0" is as good as none: clients of old sent it.
        if (revision.Length > 0 && revision != "0" && revision != old.ResourceVersion)
            throw ApiErrors.Conflict(context.View.GroupResource, context.Name);
    }

    private static ApiException Mismatch(WriteContext context, string what, string expected, string found) =>
        ApiErrors.Conflict(
            context.View.GroupResource, context.Name,
            $"Precondition failed: {what} in precondition: {expected}, {what} in object meta: {found}");

    private async Task<Attempt> StoreAsync(
        WriteContext context, StoredObject current, IKubernetesObject old, IKubernetesObject value, bool hasManagedFields,
        bool isFresh, CancellationToken cancellationToken)
    {
        value.Metadata.ResourceVersion = null;
        var claim = context.Subresource.Length == 0
            ? await rules.ClaimAsync(context, value, old, cancellationToken).ConfigureAwait(false)
            : null;
        bool isDone = false;
        try
        {
            byte[] json = Encode(context, current, value, hasManagedFields);
            if (context.IsDryRun)
                return Attempt.Finished(StoredObject.Written(context.Stored, context.Key, json, current.Revision));
            if (IsToBeDeleted(value, old))
            {
                var (isDeleted, latest, revision) = await store.DeleteAsync(
                    context.Stored, context.Key, current.Revision, cancellationToken).ConfigureAwait(false);
                if (!isDeleted)
                    return Attempt.Again(latest);
                await rules.ReleaseAsync(context.Stored.GroupResource, old, cancellationToken).ConfigureAwait(false);
                return Attempt.Finished(StoredObject.Written(context.Stored, context.Key, json, revision));
            }

            // Nothing changes: no write, and no new resourceVersion. A cached state may be out of date.
            if (current.IsStoredAs(json))
                return isFresh ? Attempt.Finished(current) : Attempt.Again(null);
            Task<(bool, StoredObject?)> Put(LeaseId lease) =>
                store.UpdateAsync(context.Stored, context.Key, json, current.Revision, lease, cancellationToken);
            var (isUpdated, state) = await (context.IsEvent ? leases.WriteAsync(Put, cancellationToken) : Put(LeaseId.None)).ConfigureAwait(false);
            if (!isUpdated)
                return Attempt.Again(state);
            isDone = true;
            if (claim is not null)
                await claim.CommitAsync(cancellationToken).ConfigureAwait(false);
            return Attempt.Finished(state!);
        }
        catch (UnknownOutcomeException)
        {
            isDone = true; // Perhaps: what it may claim is kept; the repair finds what nobody holds.
            throw;
        }
        finally
        {
            if (!isDone && claim is not null)
                await claim.UndoAsync().ConfigureAwait(false);
        }
    }

    private byte[] Encode(WriteContext context, StoredObject current, IKubernetesObject value, bool hasManagedFields)
    {
        byte[] json = KubernetesJson.Serialize(value);
        return hasManagedFields ? json : ManagedFieldsRecorder.Record(context, current, json, clock.GetUtcNow());
    }

    /// <summary>The last finalizer of an object that is being deleted was taken away.</summary>
    private static bool IsToBeDeleted(IKubernetesObject value, IKubernetesObject old) =>
        old.IsBeingDeleted && value.Metadata.Finalizers is not { Count: > 0 }
        && old.Metadata.DeletionGracePeriodSeconds is null or 0
        && value is not Api.CoreV1.Namespace { Spec.Finalizers.Count: > 0 };

    private readonly record struct Attempt(StoredObject? Done, StoredObject? Latest)
    {
        public static Attempt Finished(StoredObject state) => new(state, null);

        /// <param name="latest">Null: to be read.</param>
        public static Attempt Again(StoredObject? latest) => new(null, latest);
    }
}
