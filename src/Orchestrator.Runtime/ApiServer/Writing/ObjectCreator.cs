using KvStore.Client;
using Orchestrator.Api;
using Orchestrator.Api.CertificatesV1;
using Orchestrator.Api.Validation;

using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Resources;
using Orchestrator.Runtime.ApiServer.Storage;

namespace Orchestrator.Runtime.ApiServer.Writing;

/// <summary>Creates objects: admission, system fields, rules of the kind, validation, store.</summary>
internal sealed class ObjectCreator(
    ObjectStore store, EventLeases leases, AdmissionChain admission, StorageRules rules, TimeProvider clock)
{
    /// <summary>How many names are tried where the server chooses them.</summary>
    private const int MaxGeneratedNames = 8;

    /// <param name="value">Of the stored version, defaulted; is changed.</param>
    /// <param name="hasManagedFields">What a server-side apply made of nothing has them already.</param>
    /// <exception cref="ApiException">AlreadyExists, Invalid, Forbidden, ...</exception>
    public async Task<StoredObject> CreateAsync(
        WriteContext context, IKubernetesObject value, CancellationToken cancellationToken, bool hasManagedFields = false)
    {
        CheckPlace(context, value);
        if (value.ResourceVersion.Length > 0)
            throw ApiErrors.InternalError("resourceVersion should not be set on objects to be created");
        var request = admission.Request(context, AdmissionOperation.Create, value, null);
        await admission.MutateAsync(context, request, cancellationToken).ConfigureAwait(false);
        bool isGenerated = value.Name.Length == 0 && !string.IsNullOrEmpty(value.Metadata.GenerateName);
        for (int attempt = 1; ; attempt++)
        {
            if (isGenerated)
                value.Metadata.Name = NameGenerator.Generate(value.Metadata.GenerateName!);
            Prepare(context, value);
            Check(context, value);
            await admission.ValidateAsync(context, request, cancellationToken).ConfigureAwait(false);
            if (await StoreAsync(context, value, hasManagedFields, cancellationToken).ConfigureAwait(false) is { } created)
                return created;
            if (!isGenerated || attempt == MaxGeneratedNames)
                throw AlreadyExists(context, value, isGenerated);
        }
    }

    private static ApiException AlreadyExists(WriteContext context, IKubernetesObject value, bool isGenerated) => isGenerated
        ? ApiErrors.GenerateNameConflict(context.View.GroupResource, value.Name, 1)
        : ApiErrors.AlreadyExists(context.View.GroupResource, value.Name);

    private static void CheckPlace(WriteContext context, IKubernetesObject value)
    {
        if (context.Name.Length > 0 && value.Name.Length > 0 && value.Name != context.Name)
            throw ApiErrors.BadRequest(
                $"the name of the object ({value.Name}) does not match the name on the URL ({context.Name})");
        if (context.Name.Length > 0)
            value.Metadata.Name = context.Name;
        if (!context.View.Description.IsNamespaced)
        {
            value.Metadata.Namespace = null;
            return;
        }

        if (value.Namespace.Length > 0 && value.Namespace != context.Namespace)
            throw ApiErrors.BadRequest(
                "the namespace of the provided object does not match the namespace sent on the request");
        value.Metadata.Namespace = context.Namespace;
    }

    private void Prepare(WriteContext context, IKubernetesObject value)
    {
        value.Metadata.Uid = Guid.NewGuid().ToString();
        context.Stored.Strategy.PrepareForCreate(value, clock.GetUtcNow());
        if (value is CertificateSigningRequest request)
            SetRequester(request.Spec, context.User);
    }

    /// <summary>Who asks for a certificate is who made the request, whatever the object says.</summary>
    private static void SetRequester(CertificateSigningRequestSpec spec, UserInfo user)
    {
        spec.Username = user.Name;
        spec.Uid = user.Uid.Length > 0 ? user.Uid : null;
        spec.Groups = user.Groups.Count > 0 ? [.. user.Groups] : null;
        spec.Extra = user.Extra.Count > 0 ? user.Extra.ToDictionary(entry => entry.Key, entry => entry.Value.ToList()) : null;
    }

    private static void Check(WriteContext context, IKubernetesObject value)
    {
        var errors = Validator.ValidateCreate(value);
        if (errors.Count > 0)
            throw ApiErrors.Invalid(context.View.Kind.GroupKind, value.Name, errors);
        context.Warnings.AddRange(context.Stored.Strategy.Warnings(value));
    }

    /// <returns>Null if the name is taken.</returns>
    private async Task<StoredObject?> StoreAsync(
        WriteContext context, IKubernetesObject value, bool hasManagedFields, CancellationToken cancellationToken)
    {
        string key = context.Stored.KeyOf(value.Namespace, value.Name);
        var claim = await rules.ClaimAsync(context, value, null, cancellationToken).ConfigureAwait(false);
        try
        {
            byte[] json = Encode(context, value, hasManagedFields);
            if (context.IsDryRun)
                return await IsTakenAsync(context.Stored, key, cancellationToken).ConfigureAwait(false)
                    ? await NotDone().ConfigureAwait(false)
                    : await DryRun(StoredObject.Written(context.Stored, key, json, 0)).ConfigureAwait(false);
            Task<StoredObject?> Put(LeaseId lease) => store.CreateAsync(context.Stored, key, json, lease, cancellationToken);
            var created = await (context.IsEvent ? leases.WriteAsync(Put, cancellationToken) : Put(LeaseId.None)).ConfigureAwait(false);
            if (created is null)
                return await NotDone().ConfigureAwait(false);
            if (claim is not null)
                await claim.CommitAsync(cancellationToken).ConfigureAwait(false);
            return created;
        }
        catch (Exception exception) when (exception is not UnknownOutcomeException)
        {
            // What may have been created keeps what it claims; the repair finds what nobody holds.
            await NotDone().ConfigureAwait(false);
            throw;
        }

        async Task<StoredObject?> NotDone()
        {
            if (claim is not null)
                await claim.UndoAsync().ConfigureAwait(false);
            return null;
        }

        async Task<StoredObject> DryRun(StoredObject created)
        {
            await NotDone().ConfigureAwait(false);
            return created;
        }
    }

    private byte[] Encode(WriteContext context, IKubernetesObject value, bool hasManagedFields)
    {
        value.Metadata.ResourceVersion = null;
        byte[] json = KubernetesJson.Serialize(value);
        return hasManagedFields ? json : ManagedFieldsRecorder.Record(context, null, json, clock.GetUtcNow());
    }

    private async Task<bool> IsTakenAsync(StoredResource resource, string key, CancellationToken cancellationToken) =>
        await store.GetAsync(resource, key, cancellationToken).ConfigureAwait(false) is not null;
}
