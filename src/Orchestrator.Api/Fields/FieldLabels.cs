using System.Collections.Frozen;
using System.Globalization;
using Orchestrator.Api.AppsV1;
using Orchestrator.Api.BatchV1;
using Orchestrator.Api.CertificatesV1;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Api.Fields;

/// <summary>The fields by which objects of one kind can be chosen (<c>--field-selector</c>); each kind has its few.</summary>
public sealed class FieldLabels
{
    private const string NameLabel = "metadata.name";
    private const string NamespaceLabel = "metadata.namespace";

    private static readonly FieldLabels _ordinary = new([]);

    private static readonly FrozenDictionary<GroupVersionKind, FieldLabels> _labels = All().ToFrozenDictionary();

    private readonly FrozenDictionary<string, Func<IKubernetesObject, string>> _values;
    private readonly bool _hasOwn;

    private FieldLabels(Dictionary<string, Func<IKubernetesObject, string>> own)
    {
        _hasOwn = own.Count > 0;
        own[NameLabel] = target => target.Name;
        own[NamespaceLabel] = target => target.Namespace;
        _values = own.ToFrozenDictionary(StringComparer.Ordinal);
    }

    public static FieldLabels For(ResourceDescription resource) => For(resource.Kind);

    public static FieldLabels For(GroupVersionKind kind) => _labels.GetValueOrDefault(kind, _ordinary);

    public IEnumerable<string> Known => _values.Keys;

    public bool IsKnown(string label) => _values.ContainsKey(label);

    /// <summary>The field's value, empty where it is not set; null for a label that the kind does not have.</summary>
    public string? Value(IKubernetesObject target, string label) => _values.TryGetValue(label, out var value) ? value(target) : null;

    /// <summary>What a client is told that asks for an unknown label.</summary>
    public string Refusal(string label) => _hasOwn
        ? $"field label not supported: {label}"
        : $"\"{label}\" is not a known field selector: only \"{NameLabel}\", \"{NamespaceLabel}\"";

    private static IEnumerable<KeyValuePair<GroupVersionKind, FieldLabels>> All()
    {
        yield return Of<Pod>(new()
        {
            ["spec.nodeName"] = pod => pod.Spec.NodeName,
            ["spec.restartPolicy"] = pod => pod.Spec.RestartPolicy,
            ["spec.schedulerName"] = pod => pod.Spec.SchedulerName,
            ["spec.serviceAccountName"] = pod => pod.Spec.ServiceAccountName,
            ["spec.hostNetwork"] = pod => Text(pod.Spec.HostNetwork),
            ["status.phase"] = pod => pod.Status.Phase,
            ["status.podIP"] = FirstAddress,
            ["status.podIPs"] = FirstAddress,
            ["status.nominatedNodeName"] = pod => pod.Status.NominatedNodeName,
        });
        yield return Of<Node>(new() { ["spec.unschedulable"] = node => Text(node.Spec.Unschedulable) });
        yield return Of<Namespace>(new()
        {
            ["status.phase"] = ns => ns.Status.Phase,
            ["name"] = ns => ns.Name,
        });
        yield return Of<Secret>(new() { ["type"] = secret => secret.Type });
        yield return Of<Service>(new()
        {
            ["spec.clusterIP"] = service => service.Spec.ClusterIP,
            ["spec.type"] = service => service.Spec.Type,
        });
        yield return Of<PersistentVolume>(new() { ["name"] = volume => volume.Name });
        yield return Of<PersistentVolumeClaim>(new() { ["name"] = claim => claim.Name });
        yield return Of<ReplicationController>(new() { ["status.replicas"] = controller => Text(controller.Status.Replicas) });
        yield return Of<ReplicaSet>(new() { ["status.replicas"] = set => Text(set.Status.Replicas) });
        yield return Of<Job>(new() { ["status.successful"] = job => Text(job.Status.Succeeded) });
        yield return Of<CertificateSigningRequest>(new() { ["spec.signerName"] = request => request.Spec.SignerName });
        yield return Of<Event>(EventLabels());
        yield return Of<EventsV1.Event>(RegardingLabels());
    }

    private static Dictionary<string, Func<Event, string?>> EventLabels() => new()
    {
        ["involvedObject.kind"] = seen => seen.InvolvedObject?.Kind,
        ["involvedObject.namespace"] = seen => seen.InvolvedObject?.Namespace,
        ["involvedObject.name"] = seen => seen.InvolvedObject?.Name,
        ["involvedObject.uid"] = seen => seen.InvolvedObject?.Uid,
        ["involvedObject.apiVersion"] = seen => seen.InvolvedObject?.ApiVersion,
        ["involvedObject.resourceVersion"] = seen => seen.InvolvedObject?.ResourceVersion,
        ["involvedObject.fieldPath"] = seen => seen.InvolvedObject?.FieldPath,
        ["reason"] = seen => seen.Reason,
        ["reportingComponent"] = seen => seen.ReportingComponent,
        ["source"] = seen => string.IsNullOrEmpty(seen.Source?.Component) ? seen.ReportingComponent : seen.Source.Component,
        ["type"] = seen => seen.Type,
    };

    private static Dictionary<string, Func<EventsV1.Event, string?>> RegardingLabels() => new()
    {
        ["regarding.kind"] = seen => seen.Regarding?.Kind,
        ["regarding.namespace"] = seen => seen.Regarding?.Namespace,
        ["regarding.name"] = seen => seen.Regarding?.Name,
        ["regarding.uid"] = seen => seen.Regarding?.Uid,
        ["regarding.apiVersion"] = seen => seen.Regarding?.ApiVersion,
        ["regarding.resourceVersion"] = seen => seen.Regarding?.ResourceVersion,
        ["regarding.fieldPath"] = seen => seen.Regarding?.FieldPath,
        ["reason"] = seen => seen.Reason,
        ["reportingController"] = seen => seen.ReportingController,
        ["type"] = seen => seen.Type,
    };

    private static KeyValuePair<GroupVersionKind, FieldLabels> Of<T>(Dictionary<string, Func<T, string?>> values)
        where T : class, IKubernetesObject<T>
    {
        var own = new Dictionary<string, Func<IKubernetesObject, string>>();
        foreach (var (label, value) in values)
            own[label] = target => value((T)target) ?? "";
        return new(T.StaticKind, new FieldLabels(own));
    }

    private static string? FirstAddress(Pod pod) =>
        pod.Status.PodIPs is { Count: > 0 } ips ? ips[0].Ip : pod.Status.PodIP;

    private static string Text(bool? value) => value == true ? "true" : "false";

    private static string Text(int? value) => (value ?? 0).ToString(CultureInfo.InvariantCulture);
}
