using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Defaulting;
using Orchestrator.Api.MetaV1;
using Orchestrator.Api.Validation;
using Orchestrator.Runtime.ApiServer.Requests;
using Orchestrator.Runtime.ApiServer.Resources;
using Orchestrator.Runtime.Security.Authorization;

namespace Orchestrator.Runtime.Kubelet.StaticPods;

/// <summary>A file says no pod that this node could run; the message says why not.</summary>
internal sealed class StaticManifestException(string message) : Exception(message);

/// <summary>A pod as a file on the node asks for it.</summary>
/// <remarks>
/// Its uid is a hash of what the file says and of the node: a kubelet that starts anew knows its pods by that, and a file that says
/// something else is another pod. Spaces, comments and the file's name do not count.
/// </remarks>
internal static class StaticManifest
{
    public const string SourceAnnotation = "kubernetes.io/config.source";
    public const string HashAnnotation = "kubernetes.io/config.hash";
    public const string SeenAnnotation = "kubernetes.io/config.seen";
    private const string FileSource = "file";
    private const int HashBytes = 16;

    /// <param name="yaml">YAML or JSON: one pod.</param>
    /// <param name="warnings">Gets what is in the file and means nothing.</param>
    /// <exception cref="StaticManifestException">It is none.</exception>
    public static Pod Read(string yaml, string nodeName, List<string> warnings)
    {
        try
        {
            var pod = (Pod)ObjectDecoder.Decode(JsonBytes.Of(DocumentOf(yaml)), Pod.StaticKind, FieldValidation.Warn, warnings);
            Place(pod, nodeName);
            Defaults.Apply(pod);
            Check(pod);
            return pod;
        }
        catch (Exception e) when (e is JsonException or ApiException)
        {
            throw new StaticManifestException(e.Message);
        }
    }

    /// <summary>Whether it is one of a static pod: those that the API server gives look otherwise.</summary>
    public static bool IsUid(string uid) => uid.Length == 2 * HashBytes && uid.All(char.IsAsciiHexDigitLower);

    private static JsonObject DocumentOf(string yaml)
    {
        List<JsonNode> documents = [.. YamlText.Documents(yaml).OfType<JsonNode>()];
        if (documents.Count != 1)
            throw new StaticManifestException(documents.Count == 0 ? "it is empty" : $"it has {documents.Count} documents: a file is one pod");
        if (documents[0] is not JsonObject document)
            throw new StaticManifestException("it is no object");
        string kind = document["kind"]?.ToString() ?? "", version = document["apiVersion"]?.ToString() ?? "";
        return kind == "Pod" && version == "v1"
            ? document
            : throw new StaticManifestException($"it is of kind \"{kind}\" in version \"{version}\": only a Pod in version \"v1\" can be static");
    }

    /// <summary>Makes it this node's: names are unique among nodes, and it stays whatever befalls its node.</summary>
    private static void Place(Pod pod, string nodeName)
    {
        if (pod.Name.Length == 0)
            throw new StaticManifestException("metadata.name: Required value");
        string hash = HashOf(pod, nodeName);
        pod.Metadata = new ObjectMeta
        {
            Name = $"{pod.Name}-{nodeName.ToLowerInvariant()}",
            Namespace = pod.Namespace.Length == 0 ? "default" : pod.Namespace,
            Uid = hash,
            Labels = pod.Metadata.Labels,
            Annotations = new Dictionary<string, string>(pod.Annotations) { [SourceAnnotation] = FileSource, [HashAnnotation] = hash },
        };
        pod.Spec.NodeName = nodeName;
        (pod.Spec.Tolerations ??= []).Add(new Toleration { Operator = "Exists", Effect = "NoExecute" });
        pod.Status = new PodStatus();
    }

    /// <summary>Taken before defaults: later versions may have others, and pods are to outlive an upgrade.</summary>
    private static string HashOf(Pod pod, string nodeName)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"host:{nodeName}\n"));
        hash.AppendData(KubernetesJson.Serialize(pod));
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, HashBytes));
    }

    private static void Check(Pod pod)
    {
        string? reference = !string.IsNullOrEmpty(pod.Spec.ServiceAccountName) ? "service accounts"
            : PodReferences.HasSecrets(pod) ? "secrets"
            : PodReferences.HasConfigMaps(pod) ? "configmaps"
            : PodReferences.Claims(pod).Any() ? "persistentvolumeclaims"
            : pod.Spec.ResourceClaims is { Count: > 0 } ? "resourceclaims"
            : null;
        if (reference is not null)
            throw new StaticManifestException($"static pods may not reference {reference}: they run without an API server too");
        if (Validator.ValidateCreate(pod) is { Count: > 0 } faults)
            throw new StaticManifestException(ApiErrors.Invalid(Pod.StaticKind.GroupKind, pod.Name, faults).Message);
    }
}
