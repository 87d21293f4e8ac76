namespace Orchestrator.Api.Generator;

/// <summary>Kubernetes' names of definitions and what they are called here.</summary>
internal static class ModelNames
{
    private const string Root = "Orchestrator.Api";

    private static readonly Dictionary<string, string> Namespaces = new()
    {
        ["io.k8s.api.core.v1"] = "CoreV1",
        ["io.k8s.api.apps.v1"] = "AppsV1",
        ["io.k8s.api.batch.v1"] = "BatchV1",
        ["io.k8s.api.discovery.v1"] = "DiscoveryV1",
        ["io.k8s.api.coordination.v1"] = "CoordinationV1",
        ["io.k8s.api.events.v1"] = "EventsV1",
        ["io.k8s.api.flowcontrol.v1"] = "FlowcontrolV1",
        ["io.k8s.api.policy.v1"] = "PolicyV1",
        ["io.k8s.api.rbac.v1"] = "RbacV1",
        ["io.k8s.api.networking.v1"] = "NetworkingV1",
        ["io.k8s.api.storage.v1"] = "StorageV1",
        ["io.k8s.api.node.v1"] = "NodeV1",
        ["io.k8s.api.scheduling.v1"] = "SchedulingV1",
        ["io.k8s.api.autoscaling.v1"] = "AutoscalingV1",
        ["io.k8s.api.autoscaling.v2"] = "AutoscalingV2",
        ["io.k8s.api.authentication.v1"] = "AuthenticationV1",
        ["io.k8s.api.authorization.v1"] = "AuthorizationV1",
        ["io.k8s.api.certificates.v1"] = "CertificatesV1",
        ["io.k8s.apimachinery.pkg.apis.meta.v1"] = "MetaV1",
        ["io.k8s.apimachinery.pkg.version"] = "MetaV1",
        ["io.k8s.metrics.pkg.apis.metrics.v1beta1"] = "MetricsV1beta1",
    };

    /// <summary>Definitions that are values with types of their own, and no classes.</summary>
    private static readonly Dictionary<string, (Shape Shape, string CSharp)> Values = new()
    {
        ["io.k8s.apimachinery.pkg.api.resource.Quantity"] = (Shape.Quantity, "global::Orchestrator.Api.Quantity"),
        ["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] = (Shape.IntOrString, "global::Orchestrator.Api.IntOrString"),
        ["io.k8s.apimachinery.pkg.apis.meta.v1.Time"] = (Shape.Time, "DateTimeOffset"),
        ["io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime"] = (Shape.MicroTime, "DateTimeOffset"),
        ["io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1"] = (Shape.Any, "JsonElement"),
        ["io.k8s.apimachinery.pkg.apis.meta.v1.Patch"] = (Shape.Any, "JsonElement"),
        ["io.k8s.apimachinery.pkg.runtime.RawExtension"] = (Shape.Any, "JsonElement"),
    };

    public static bool IsValue(string definition) => Values.ContainsKey(definition);

    public static (Shape Shape, string CSharp) Value(string definition) => Values[definition];

    public static string Namespace(string definition)
    {
        string package = definition.Substring(0, definition.LastIndexOf('.'));
        return Namespaces.TryGetValue(package, out string? last)
            ? Root + "." + last
            : throw new FormatException($"no namespace is known for the definition {definition}");
    }

    public static string Name(string definition) => definition.Substring(definition.LastIndexOf('.') + 1);

    public static string Class(string definition) => $"global::{Namespace(definition)}.{Name(definition)}";

    public static string MetaClass(string name) => $"global::{Root}.MetaV1.{name}";

    /// <summary><c>podIP</c> of PodStatus is <c>PodIP</c>; a member may not bear its class's name.</summary>
    public static string Property(string jsonName, string className)
    {
        string name = char.ToUpperInvariant(jsonName[0]) + jsonName.Substring(1);
        return name == className ? name + "Value" : name;
    }
}
