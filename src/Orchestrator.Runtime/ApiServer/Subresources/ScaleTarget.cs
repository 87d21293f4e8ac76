using System.Text.Json.Nodes;
using Orchestrator.Api;
using Orchestrator.Api.AppsV1;
using Orchestrator.Api.AutoscalingV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Api.Selectors;
using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Reading;
using Orchestrator.Runtime.ApiServer.Requests;
using Orchestrator.Runtime.ApiServer.Resources;
using Orchestrator.Runtime.ApiServer.Writing;

namespace Orchestrator.Runtime.ApiServer.Subresources;

/// <summary>The number of replicas of a workload, as autoscaling/v1 Scale.</summary>
internal sealed class ScaleTarget(ResourceView view) : IUpdateTarget
{
    public GroupVersionKind Kind => Scale.StaticKind;

    public string Subresource => "scale";

    public bool AllowsCreate => false;

    public JsonObject Show(StoredObject current) => JsonBytes.ParseObject(KubernetesJson.Serialize(ScaleOf(current.Shared)));

    public IKubernetesObject Decode(byte[] json, FieldValidation validation, List<string> warnings) =>
        ObjectDecoder.Decode(json, Kind, validation, warnings);

    public IKubernetesObject Merge(IKubernetesObject? current, IKubernetesObject sent, DateTimeOffset now)
    {
        int replicas = ((Scale)sent).Spec.Replicas ?? 0;
        if (replicas < 0)
            throw ApiErrors.Invalid(
                Kind.GroupKind, current!.Name,
                [FieldError.Invalid(FieldPath.Of("spec", "replicas"), replicas, "must be greater than or equal to 0")]);
        var updated = current!.DeepClone();
        SetReplicas(updated, replicas);
        view.Stored!.Strategy.PrepareForUpdate(updated, current);
        return updated;
    }

    public IReadOnlyList<FieldError> Validate(IKubernetesObject updated, IKubernetesObject current) => [];

    public byte[] Answer(StoredObject stored, ObjectForm form)
    {
        byte[] scale = KubernetesJson.Serialize(ScaleOf(stored.Parse()));
        return form == ObjectForm.PartialMetadata ? ResourceView.PartialMetadata(scale) : scale;
    }

    /// <summary>The scale as a table of one row.</summary>
    public byte[] Table(StoredObject stored, AnswerForm form, DateTimeOffset now)
    {
        var scales = new ResourceView(view.Description with { Kind = Kind }, null, null, TimeProvider.System);
        var scale = ScaleOf(stored.Parse());
        byte[]? shown = form.Form == ObjectForm.TableWithoutObject ? null : KubernetesJson.Serialize(scale);
        return ListAnswer.Table(
            scales, scales.Row(scale, shown, now), scale.Metadata.ResourceVersion ?? "", form.MetaVersion, withColumns: true);
    }

    private static Scale ScaleOf(IKubernetesObject value)
    {
        var (replicas, current, selector) = value switch
        {
            Deployment deployment => (
                deployment.Spec.Replicas, deployment.Status.Replicas, Selector.Of(deployment.Spec.Selector).ToString()),
            ReplicaSet set => (set.Spec.Replicas, set.Status.Replicas, Selector.Of(set.Spec.Selector).ToString()),
            StatefulSet set => (set.Spec.Replicas, set.Status.Replicas, Selector.Of(set.Spec.Selector).ToString()),
            ReplicationController controller => (
                controller.Spec.Replicas, controller.Status.Replicas, Selector.Of(controller.Spec.Selector).ToString()),
            _ => throw new ArgumentException($"{value.GroupVersionKind} has no scale"),
        };
        var metadata = value.Metadata;
        return new Scale
        {
            Metadata = new ObjectMeta
            {
                Name = metadata.Name,
                Namespace = metadata.Namespace,
                Uid = metadata.Uid,
                ResourceVersion = metadata.ResourceVersion,
                CreationTimestamp = metadata.CreationTimestamp,
            },
            Spec = new ScaleSpec { Replicas = replicas },
            Status = new ScaleStatus { Replicas = current ?? 0, Selector = selector },
        };
    }

    private static void SetReplicas(IKubernetesObject value, int replicas)
    {
        switch (value)
        {
            case Deployment deployment: deployment.Spec.Replicas = replicas; break;
            case ReplicaSet set: set.Spec.Replicas = replicas; break;
            case StatefulSet set: set.Spec.Replicas = replicas; break;
            case ReplicationController controller: controller.Spec.Replicas = replicas; break;
        }
    }
}
