using System.Text;
using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Api.CertificatesV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Api.PolicyV1;
using Orchestrator.Control.Reconciling;
using Orchestrator.Control.ServiceAccounts;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Events;

namespace Orchestrator.Runtime.Controllers;

/// <summary>Carries out what a controller wants done, one thing after the other, and tells what failed.</summary>
internal sealed class IntentExecutor(
    ApiClient client, EventRecorder events, ICertificateSigner? signer, ITokenIssuer? tokens, ILogger log)
{
    /// <summary>The most that is done side by side.</summary>
    private const int SideBySideLimit = 64;

    /// <summary>Told of each write that succeeded: what the API answered, or what was deleted.</summary>
    public interface IWriteObserver
    {
        void Wrote(IKubernetesObject answer);

        void Deleted(ObjectRef target);
    }

    /// <returns>What failed; later intents were dropped unless they were to go on.</returns>
    public async Task<IReadOnlyList<IntentFailure>> ExecuteAsync(
        IReadOnlyList<Intent> intents, IWriteObserver observer, CancellationToken cancellation)
    {
        if (intents.Count == 0)
            return [];
        var failures = new List<IntentFailure>();
        foreach (var intent in intents)
        {
            int before = failures.Count;
            await ExecuteAsync(intent, observer, failures, cancellation);
            if (failures.Count > before && !intent.ContinueOnFailure)
                break;
        }
        return failures;
    }

    private async Task ExecuteAsync(
        Intent intent, IWriteObserver observer, List<IntentFailure> failures, CancellationToken cancellation)
    {
        if (intent is Batch batch)
        {
            await ExecuteBatchAsync(batch, observer, failures, cancellation);
            return;
        }
        try
        {
            string name = await WriteAsync(intent, observer, cancellation);
            Emit(intent.OnSuccess, name, error: "");
        }
        catch (ApiException refusal)
        {
            Refused(intent, refusal.Status, failures);
            if (!IsExpected(intent, refusal))
                Emit(intent.OnFailure, NameOf(intent), refusal.Status.Message ?? "");
        }
        catch (TransportException fault)
        {
            Refused(intent, new Status { Code = 0, Reason = "Unreachable", Message = fault.Message }, failures);
            Emit(intent.OnFailure, NameOf(intent), fault.Message);
        }
    }

    // Groups double in a slow start: what fails for one would fail for all.
    private async Task ExecuteBatchAsync(
        Batch batch, IWriteObserver observer, List<IntentFailure> failures, CancellationToken cancellation)
    {
        int size = batch.IsSlowStart ? 1 : SideBySideLimit;
        int done = 0;
        while (done < batch.Intents.Count)
        {
            int count = Math.Min(size, batch.Intents.Count - done);
            int before = failures.Count;
            await ExecuteGroupAsync([.. batch.Intents.Skip(done).Take(count)], observer, failures, cancellation);
            if (batch.IsSlowStart && failures.Count > before)
                return;
            done += count;
            size = Math.Min(size * 2, SideBySideLimit);
        }
    }

    private async Task ExecuteGroupAsync(
        Intent[] group, IWriteObserver observer, List<IntentFailure> failures, CancellationToken cancellation)
    {
        // Each gathers for itself: they run side by side.
        var gathered = Array.ConvertAll(group, _ => new List<IntentFailure>());
        var running = group.Select((intent, i) => ExecuteAsync(intent, observer, gathered[i], cancellation)).ToList();
        await Task.WhenAll(running);
        foreach (var each in gathered)
            failures.AddRange(each);
    }

    /// <returns>The name of what was written.</returns>
    private async Task<string> WriteAsync(Intent intent, IWriteObserver observer, CancellationToken cancellation)
    {
        switch (intent)
        {
            case Create create:
                return Observe(observer, await client.CreateAsync(create.Object, cancellation: cancellation));
            case Update { Subresource: "" } update:
                return Observe(observer, await client.UpdateAsync(update.Object, cancellation: cancellation));
            case Update update:
                return Observe(
                    observer, await client.UpdateSubresourceAsync(update.Object, update.Subresource, cancellation: cancellation));
            case Patch patch:
                await PatchAsync(patch, observer, cancellation);
                break;
            case Delete delete:
                await DeleteAsync(delete, observer, cancellation);
                break;
            case DeleteCollection collection:
                await DeleteCollectionAsync(collection, cancellation);
                break;
            case Evict evict:
                await EvictAsync(evict, observer, cancellation);
                break;
            case SignCertificate sign:
                await SignAsync(sign, observer, cancellation);
                break;
            case IssueToken issue:
                await IssueAsync(issue, observer, cancellation);
                break;
            case EmitEvent emit:
                Emit(emit.Note, name: "", error: "");
                break;
            default:
                throw new NotSupportedException($"nobody knows how to carry out {intent.GetType().Name}");
        }
        return NameOf(intent);
    }

    private static string Observe(IWriteObserver observer, IKubernetesObject answer)
    {
        observer.Wrote(answer);
        return answer.Name;
    }

    private async Task PatchAsync(Patch patch, IWriteObserver observer, CancellationToken cancellation)
    {
        var format = patch.Type switch
        {
            PatchType.JsonPatch => PatchFormat.Json,
            PatchType.Merge => PatchFormat.Merge,
            _ => PatchFormat.Strategic,
        };
        var target = patch.Target;
        var answer = await client.PatchAsync(
            ApiClient.ResourceOf(target.Kind), target.Namespace, target.Name, format, Encoding.UTF8.GetBytes(patch.Body),
            patch.Subresource, cancellation: cancellation);
        // Other subresources answer with a kind of their own.
        if (patch.Subresource is "" or "status")
            observer.Wrote(KubernetesJson.Deserialize(target.Kind, answer.Span));
    }

    private async Task DeleteAsync(Delete delete, IWriteObserver observer, CancellationToken cancellation)
    {
        var target = delete.Target;
        var options = new Deletion
        {
            Uid = target.Uid.Length == 0 ? null : target.Uid,
            ResourceVersion = target.ResourceVersion.Length == 0 ? null : target.ResourceVersion,
            PropagationPolicy = delete.Propagation?.ToString(),
            GracePeriodSeconds = delete.GracePeriodSeconds,
        };
        try
        {
            await client.DeleteAsync(ApiClient.ResourceOf(target.Kind), target.Namespace, target.Name, options, cancellation);
            observer.Deleted(target);
        }
        catch (ApiException refusal) when (refusal.IsNotFound || IsOtherUid(refusal, target))
        {
            // Gone already, and whoever has its name now is not meant.
        }
    }

    private static bool IsOtherUid(ApiException refusal, ObjectRef target) =>
        refusal.IsConflict && target.Uid.Length > 0
        && (target.ResourceVersion.Length == 0
            || (refusal.Status.Message ?? "").Contains("UID", StringComparison.OrdinalIgnoreCase));

    private Task DeleteCollectionAsync(DeleteCollection collection, CancellationToken cancellation)
    {
        var name = collection.Resource;
        var resource = ResourceTable.Served.Find(name.Group, name.Version, name.Resource)
            ?? throw new InvalidOperationException($"no such resource: {name}");
        var options = new Deletion { PropagationPolicy = collection.Propagation?.ToString() };
        return client.DeleteCollectionAsync(resource, collection.Namespace, options: options, cancellation: cancellation);
    }

    private async Task EvictAsync(Evict evict, IWriteObserver observer, CancellationToken cancellation)
    {
        var eviction = new Eviction
        {
            Metadata = new ObjectMeta { Namespace = evict.Pod.Namespace, Name = evict.Pod.Name },
            DeleteOptions = new DeleteOptions
            {
                GracePeriodSeconds = evict.GracePeriodSeconds,
                Preconditions = evict.Pod.Uid.Length == 0 ? null : new Preconditions { Uid = evict.Pod.Uid },
            },
        };
        try
        {
            await client.CreateSubresourceAsync(
                ApiClient.ResourceOf(evict.Pod.Kind), evict.Pod.Namespace, evict.Pod.Name, "eviction", eviction,
                cancellation: cancellation);
            observer.Deleted(evict.Pod);
        }
        catch (ApiException refusal) when (refusal.IsNotFound || IsOtherUid(refusal, evict.Pod with { ResourceVersion = "" }))
        {
            // Gone already.
        }
    }

    private async Task SignAsync(SignCertificate sign, IWriteObserver observer, CancellationToken cancellation)
    {
        if (signer is null)
            return;
        var signed = sign.Request.DeepClone();
        try
        {
            signed.Status.Certificate = await signer.SignAsync(sign.Request, sign.Validity, cancellation);
        }
        catch (CertificateRefusedException refusal)
        {
            var now = client.Time.GetUtcNow();
            (signed.Status.Conditions ??= []).Add(new CertificateSigningRequestCondition
            {
                Type = "Failed",
                Status = "True",
                Reason = refusal.Reason,
                Message = refusal.Message,
                LastUpdateTime = now,
                LastTransitionTime = now,
            });
        }
        observer.Wrote(await client.UpdateStatusAsync(signed, cancellation: cancellation));
    }

    private async Task IssueAsync(IssueToken issue, IWriteObserver observer, CancellationToken cancellation)
    {
        if (tokens is null)
            return;
        var filled = issue.Secret.DeepClone();
        (filled.Data ??= [])[TokenSecretController.TokenKey] = Encoding.UTF8.GetBytes(tokens.Issue(filled));
        observer.Wrote(await client.UpdateAsync(filled, cancellation: cancellation));
    }

    private void Refused(Intent intent, Status status, List<IntentFailure> failures)
    {
        failures.Add(new IntentFailure(intent, status));
        log.Log(
            status.Reason == "Conflict" ? LogLevel.Debug : LogLevel.Warning, "{Intent} {Name}: {Message}",
            intent.GetType().Name, NameOf(intent), status.Message);
    }

    // A conflict is somebody else's write, which comes by watch; a namespace on its way out takes nothing in.
    private static bool IsExpected(Intent intent, ApiException refusal) =>
        (intent is Update or Patch && refusal.IsConflict)
        || (intent is Create && refusal.IsForbidden && refusal.HasCause("NamespaceTerminating"));

    private void Emit(EventNote? note, string name, string error)
    {
        if (note is not null)
            events.Note(note.Regarding, note.Type, note.Reason, note.Format(name, error), note.Action, note.Related);
    }

    private static string NameOf(Intent intent) => intent switch
    {
        Create create => create.Object.Name.Length > 0 ? create.Object.Name : create.Object.Metadata.GenerateName ?? "",
        Update update => update.Object.Name,
        Patch patch => patch.Target.Name,
        Delete delete => delete.Target.Name,
        Evict evict => evict.Pod.Name,
        SignCertificate sign => sign.Request.Name,
        IssueToken issue => issue.Secret.Name,
        DeleteCollection collection => collection.Resource.Resource,
        _ => "",
    };
}
