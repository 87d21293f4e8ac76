using System.Text.Json.Nodes;
using Orchestrator.Api.Decoding;

namespace Orchestrator.Api.Tests.Decoding;

public sealed class ProtobufDecoderTests
{
    private const string Pod = """
        {"apiVersion":"v1","kind":"Pod",
         "metadata":{"name":"web","labels":{"app":"web"},"annotations":{"empty":""},"creationTimestamp":"2024-05-06T07:08:09Z",
           "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"r","uid":"u","controller":false}],
           "managedFields":[{"manager":"kubectl","fieldsV1":{"f:spec":{"f:x":{}}}}]},
         "spec":{"priority":0,"terminationGracePeriodSeconds":0,"automountServiceAccountToken":false,"hostNetwork":true,
           "volumes":[{"name":"cache","emptyDir":{"sizeLimit":"1Gi"}},{"name":"config","configMap":{"name":"c","defaultMode":420,"optional":false}},
             {"name":"all","projected":{"sources":[{"downwardAPI":{"items":[{"path":"p","fieldRef":{"fieldPath":"metadata.name"}}]}}]}}],
           "containers":[{"name":"a","image":"nginx:1","command":["sh","-c",""],
             "ports":[{"containerPort":80}],
             "env":[{"name":"E"},{"name":"S","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}],
             "resources":{"limits":{"cpu":"500m","memory":"64Mi"}},
             "livenessProbe":{"httpGet":{"path":"/","port":"web"},"periodSeconds":3},
             "readinessProbe":{"tcpSocket":{"port":8080}},
             "securityContext":{"runAsUser":0,"privileged":false}}]},
         "status":{"podIPs":[{"ip":"10.0.0.1"}]}}
        """;

    public static TheoryData<string> Documents => new(
        Pod,
        """{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"replicas":0,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{},"spec":{"containers":[{"name":"a"}]}},"strategy":{"rollingUpdate":{"maxSurge":"25%","maxUnavailable":0}}}}""",
        """{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"immutable":false,"data":{"k":"AAECAw==","empty":""},"type":"Opaque"}""",
        """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"k":"v"},"binaryData":{"b":"/w=="}}""",
        """{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"ports":[{"name":"http","port":80,"targetPort":"web"},{"port":443,"targetPort":8443}],"selector":{"a":"b"},"clusterIP":"None","clusterIPs":["None"]}}""",
        """{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"i"},"spec":{"ingressClassName":"nginx","rules":[{"host":"h","http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"s","port":{"number":80}}}}]}}]}}""",
        """{"apiVersion":"networking.k8s.io/v1","kind":"IngressClass","metadata":{"name":"i"},"spec":{"controller":"c","parameters":{"apiGroup":"g","kind":"k","name":"n"}}}""",
        """{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"l"},"spec":{"holderIdentity":"","leaseDurationSeconds":15,"renewTime":"2024-05-06T07:08:09.123456Z"}}""",
        """{"apiVersion":"apps/v1","kind":"ControllerRevision","metadata":{"name":"c"},"data":{"spec":{"any":[1,2.50,"x"]}},"revision":0}""",
        """{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","metadata":{},"spec":{"resourceAttributes":{"verb":"get","resource":"pods"},"user":"u","groups":["g"],"extra":{"scopes":["a","b"]}},"status":{"allowed":false}}""",
        """{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","metadata":{},"spec":{"audiences":["a"],"expirationSeconds":3600,"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"p","uid":"u"}},"status":{"token":""}}""",
        """{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"name":"p"},"spec":{"minAvailable":"50%"},"status":{"disruptedPods":{"a":"2024-05-06T07:08:09Z"},"disruptionsAllowed":0,"currentHealthy":0,"desiredHealthy":0,"expectedPods":0}}""",
        """{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"c"},"spec":{"schedule":"* * * * *","suspend":false,"jobTemplate":{"spec":{"backoffLimit":0,"template":{"spec":{"containers":[{"name":"a"}]}}}}}}""",
        """{"apiVersion":"v1","kind":"PersistentVolume","metadata":{"name":"p"},"spec":{"capacity":{"storage":"1Gi"},"hostPath":{"path":"/x","type":""},"accessModes":["ReadWriteOnce"]}}""",
        """{"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"s"},"spec":{"replicas":0},"status":{"replicas":0}}""",
        """{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"s"},"secrets":[{"name":"t"}],"automountServiceAccountToken":false}""",
        """{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"r"},"rules":[{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}]}""");

    [Theory]
    [MemberData(nameof(Documents))]
    public void A_document_comes_out_of_protobuf_as_it_went_in(string text)
    {
        var document = JsonNode.Parse(text)!.AsObject();
        var kind = new GroupVersionKind(
            ((string)document["apiVersion"]!).Contains('/') ? ((string)document["apiVersion"]!).Split('/')[0] : "",
            ((string)document["apiVersion"]!).Split('/')[^1],
            (string)document["kind"]!);
        string message = "k8s.io." + SchemaSet.Kubernetes.ForKind(kind).Name!["io.k8s.".Length..];
        byte[] body = ProtobufWriter.Envelope((string)document["apiVersion"]!, kind.Kind, ProtobufWriter.Message(message, document));

        var decoded = JsonNode.Parse(ProtobufDecoder.ToJson(body, out var found));

        Assert.Equal(kind, found);
        AssertHolds(document, decoded, "");
        AssertHolds(decoded, document, "");
    }

    [Fact]
    public void Zeros_that_always_travel_say_nothing_and_others_are_kept()
    {
        byte[] spec = [.. ProtobufWriter.Number(1, 0), .. ProtobufWriter.Number(5, 0), .. ProtobufWriter.Number(7, 0)]; // replicas, minReadySeconds, paused

        var decoded = JsonNode.Parse(ProtobufDecoder.ToJson("k8s.io.api.apps.v1.DeploymentSpec", spec));

        Assert.Equal("""{"replicas":0}""", decoded!.ToJsonString());
    }

    [Fact]
    public void An_empty_protocol_is_not_there_so_that_its_default_can_be()
    {
        byte[] port = [.. ProtobufWriter.Delimited(1, []), .. ProtobufWriter.Number(2, 0), .. ProtobufWriter.Number(3, 80), .. ProtobufWriter.Delimited(4, [])];

        var decoded = JsonNode.Parse(ProtobufDecoder.ToJson("k8s.io.api.core.v1.ContainerPort", port));

        Assert.Equal("""{"containerPort":80}""", decoded!.ToJsonString());
    }

    [Theory]
    [InlineData("v1")]
    [InlineData("apps/v1")]
    [InlineData("meta.k8s.io/v1")]
    public void Options_are_kinds_of_every_group(string apiVersion)
    {
        byte[] options =
        [
            .. ProtobufWriter.Number(1, 0), // gracePeriodSeconds
            .. ProtobufWriter.Delimited(2, ProtobufWriter.Delimited(1, "u-1"u8.ToArray())),
            .. ProtobufWriter.Delimited(4, "Foreground"u8.ToArray()),
            .. ProtobufWriter.Delimited(5, "All"u8.ToArray()),
        ];

        var decoded = JsonNode.Parse(ProtobufDecoder.ToJson(ProtobufWriter.Envelope(apiVersion, "DeleteOptions", options), out var kind));

        Assert.Equal("DeleteOptions", kind.Kind);
        Assert.True(JsonNode.DeepEquals(decoded, JsonNode.Parse($$$"""
            {"apiVersion":"{{{apiVersion}}}","kind":"DeleteOptions","gracePeriodSeconds":0,"preconditions":{"uid":"u-1"},
             "propagationPolicy":"Foreground","dryRun":["All"]}
            """)), decoded!.ToJsonString());
    }

    [Fact]
    public void Options_of_a_patch_are_read_too()
    {
        byte[] options = [.. ProtobufWriter.Number(2, 0), .. ProtobufWriter.Delimited(3, "helm"u8.ToArray())];

        var decoded = JsonNode.Parse(ProtobufDecoder.ToJson(ProtobufWriter.Envelope("meta.k8s.io/v1", "PatchOptions", options), out _));

        Assert.Equal((false, "helm"), ((bool)decoded!["force"]!, (string)decoded["fieldManager"]!));
    }

    [Fact]
    public void Unknown_fields_are_stepped_over_and_numbers_may_be_negative()
    {
        byte[] container =
        [
            .. ProtobufWriter.Number(900, 5), .. ProtobufWriter.Delimited(901, [1, 2]), 0x8D, 0x38, 1, 2, 3, 4, // 901 as 32 bits
            .. ProtobufWriter.Number(3, -1),
        ];

        var decoded = JsonNode.Parse(ProtobufDecoder.ToJson("k8s.io.api.core.v1.ContainerPort", container));

        Assert.Equal("""{"containerPort":-1}""", decoded!.ToJsonString());
    }

    [Theory]
    [InlineData("", "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")]
    [InlineData("7b7d", "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")]
    [InlineData("6b387300", "no kind \"\" is registered for version \"\"")]
    [InlineData("6b387300ff", "unexpected EOF")]
    [InlineData("6b3873000affffffffffffffffffff01", "proto: integer overflow")]
    [InlineData("6b38730000", "proto: illegal tag 0 (wire type 0)")]
    [InlineData("6b3873000a090a02763112035065740000", "proto: illegal tag 0 (wire type 0)")]
    [InlineData("6b3873000a090a02763112035065741200", "no kind \"Pet\" is registered for version \"v1\"")]
    [InlineData("6b3873000a090a0276311203506f6412020aff", "Pod in version \"v1\" cannot be handled as a Pod: unexpected EOF")]
    [InlineData("6b3873000a090a0276311203506f641202087f", "Pod in version \"v1\" cannot be handled as a Pod: proto: wrong wireType = 0 for field Metadata")]
    public void A_malformed_body_is_a_bad_request(string hex, string message)
    {
        var refusal = Assert.Throws<ApiException>(() => ProtobufDecoder.ToJson(Convert.FromHexString(hex), out _));

        Assert.Equal((400, message), (refusal.Code, refusal.Message));
    }

    [Fact]
    public void Any_bytes_are_either_decoded_or_a_bad_request()
    {
        byte[] body = ProtobufWriter.Envelope("v1", "Pod", ProtobufWriter.Message("k8s.io.api.core.v1.Pod", JsonNode.Parse(Pod)));
        int decoded = 0;
        for (int seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            byte[] broken = (byte[])body.Clone();
            for (int i = random.Next(1, 5); i > 0; i--)
                broken[random.Next(4, broken.Length)] = (byte)random.Next(256);
            if (random.Next(4) == 0)
                broken = broken[..random.Next(broken.Length)];
            try
            {
                JsonNode.Parse(ProtobufDecoder.ToJson(broken, out _));
                decoded++;
            }
            catch (ApiException refusal)
            {
                Assert.Equal(400, refusal.Code);
            }
        }
        Assert.True(decoded > 100, $"only {decoded} were decoded");
    }

    [Fact]
    public void Bytes_that_are_nested_without_end_are_a_bad_request()
    {
        byte[] nested = "{}"u8.ToArray();
        for (int depth = 0; depth < 2000; depth++)
            nested = ProtobufWriter.Envelope("apps/v1", "ControllerRevision", ProtobufWriter.Delimited(2, ProtobufWriter.Delimited(1, nested)));

        var refusal = Assert.Throws<ApiException>(() => ProtobufDecoder.ToJson(nested, out _));

        Assert.Equal(400, refusal.Code);
    }

    [Fact]
    public void Every_field_whose_zero_counts_is_a_scalar_of_a_known_message()
    {
        foreach (string field in OptionalScalars.All)
        {
            int dot = field.LastIndexOf('.');
            var message = ProtobufMessage.Find(field[..dot]);
            Assert.True(message is not null, field);
            var found = message.Fields.SingleOrDefault(candidate => candidate.JsonName == field[(dot + 1)..]);
            Assert.True(found is { Label: ProtobufLabel.Optional } && !found.Type.Contains('.'), field);
        }
    }

    [Fact]
    public void Every_field_of_a_served_kind_is_known_to_its_schema()
    {
        string[] later = [];
        foreach (string name in SchemaSet.Kubernetes.Names)
        {
            string message = MessagePlan.MessageOf(name);
            if (MessagePlan.Find(message) is not { } plan || SchemaSet.Kubernetes.Get(name) is not { Properties.Count: > 0 } schema)
                continue;
            var missing = schema.Properties.Keys.Except(plan.Fields.Select(field => field.JsonName))
                .Where(property => property is not ("apiVersion" or "kind") && !plan.Fields.Any(field => field.Field.IsInlined));
            later = [.. later, .. missing.Select(property => $"{name}.{property}")];
        }
        // The table of messages is of a later version than the schemas, where this alpha field has another shape.
        Assert.Equal("io.k8s.api.core.v1.NodeAllocatableResourceClaimStatus.resources", string.Join(' ', later));
    }

    /// <summary>Everything in <paramref name="expected"/> is in <paramref name="actual"/>.</summary>
    private static void AssertHolds(JsonNode? expected, JsonNode? actual, string path)
    {
        switch (expected)
        {
            case JsonObject map:
                foreach (var (key, value) in map)
                    AssertHolds(value, Assert.IsType<JsonObject>(actual)[key], $"{path}.{key}");
                break;
            case JsonArray list:
                Assert.True(actual is JsonArray other && other.Count == list.Count, path);
                for (int i = 0; i < list.Count; i++)
                    AssertHolds(list[i], actual![i], $"{path}[{i}]");
                break;
            default:
                Assert.True(JsonNode.DeepEquals(expected, actual), $"{path}: expected {expected?.ToJsonString()}, got {actual?.ToJsonString()}");
                break;
        }
    }
}
