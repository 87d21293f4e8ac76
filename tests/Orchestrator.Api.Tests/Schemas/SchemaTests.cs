namespace Orchestrator.Api.Tests.Schemas;

public sealed class SchemaTests
{
    private static readonly Schema Pod = SchemaSet.Kubernetes.ForKind(new GroupVersionKind("", "v1", "Pod"));

    [Fact]
    public void A_property_that_refers_to_a_definition_has_what_the_definition_has()
    {
        var spec = Pod.Properties["spec"];

        Assert.Equal("io.k8s.api.core.v1.PodSpec", spec.Name);
        Assert.Equal("object", spec.Type);
        Assert.Contains("containers", spec.Required);
        Assert.Equal("string", spec.Properties["nodeName"].Type);
    }

    [Fact]
    public void Lists_say_how_they_are_merged()
    {
        var containers = Pod.Properties["spec"].Properties["containers"];

        Assert.Equal(("name", "map"), (containers.PatchMergeKey, containers.ListType));
        Assert.Equal(["merge"], containers.PatchStrategies);
        Assert.Equal(["name"], containers.ListMapKeys);
        Assert.Equal(["merge", "retainKeys"], Pod.Properties["spec"].Properties["volumes"].PatchStrategies);
        var ports = containers.Items!.Properties["ports"];
        Assert.Equal(["containerPort", "protocol"], ports.ListMapKeys);
        Assert.Equal("TCP", ports.Items!.Properties["protocol"].Default!.Value.GetString());
        Assert.Equal("atomic", Pod.Properties["spec"].Properties["nodeSelector"].MapType);
    }

    [Fact]
    public void Values_with_types_of_their_own_are_told_apart()
    {
        var limits = SchemaSet.Kubernetes.Get("io.k8s.api.core.v1.ResourceRequirements").Properties["limits"].AdditionalProperties!;
        var port = SchemaSet.Kubernetes.Get("io.k8s.api.core.v1.HTTPGetAction").Properties["port"];

        Assert.True(limits.IsQuantity);
        Assert.True(port.IsIntOrString);
        Assert.False(port.PreservesUnknownFields);
        Assert.True(SchemaSet.Kubernetes.Get("io.k8s.api.apps.v1.ControllerRevision").Properties["data"].PreservesUnknownFields);
    }

    [Fact]
    public void Every_reference_leads_somewhere()
    {
        foreach (string name in SchemaSet.Kubernetes.Names)
        {
            foreach (var property in SchemaSet.Kubernetes.Get(name).Properties.Values)
                Assert.NotNull((property.Items ?? property.AdditionalProperties ?? property).Properties);
        }
    }

    [Fact]
    public void What_is_not_known_is_not_found()
    {
        Assert.Null(SchemaSet.Kubernetes.Find("io.k8s.api.core.v1.Nothing"));
        Assert.Throws<KeyNotFoundException>(() => SchemaSet.Kubernetes.ForKind(new GroupVersionKind("", "v1", "Nothing")));
    }

    [Fact]
    public void Protobuf_messages_know_their_fields()
    {
        var probe = ProtobufMessage.Find("k8s.io.api.core.v1.Probe")!;

        Assert.True(probe.Field(1)!.IsInlined);
        Assert.Equal("k8s.io.api.core.v1.ProbeHandler", probe.Field(1)!.Type);
        Assert.Equal(new ProtobufField(2, "initialDelaySeconds", "int32", ProtobufLabel.Optional), probe.Field(2));
        Assert.Equal(ProtobufLabel.Map, ProtobufMessage.Find("k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta")!.Field(11)!.Label);
        Assert.Null(ProtobufMessage.Find("k8s.io.api.core.v1.Nothing"));
    }

    [Fact]
    public void Every_message_that_a_field_refers_to_is_there()
    {
        var names = SchemaSet.Kubernetes.Names.Where(name => name.StartsWith("io.k8s.api.", StringComparison.Ordinal))
            .Select(name => "k8s.io" + name["io.k8s".Length..]);

        foreach (var message in names.Select(ProtobufMessage.Find).OfType<ProtobufMessage>())
            Assert.All(message.Fields.Where(field => field.Type.Contains('.')), field => Assert.NotNull(ProtobufMessage.Find(field.Type)));
    }
}
