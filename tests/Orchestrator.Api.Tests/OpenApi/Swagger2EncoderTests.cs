using System.Text.Json;

namespace Orchestrator.Api.Tests.OpenApi;

/// <summary>Field numbers are those of gnostic's openapi.v2 messages.</summary>
public sealed class Swagger2EncoderTests
{
    private static readonly OpenApiDocuments Documents = new(SchemaSet.Kubernetes, ResourceTable.Served, "v1.33.1");
    private static readonly WireMessage Document = new(Documents.SwaggerProtobuf.Body);

    [Fact]
    public void The_document_says_what_it_is()
    {
        Assert.Equal("2.0", Document.Text(1));
        Assert.Equal(("Kubernetes", "v1.33.1"), (Document.One(2).Text(1), Document.One(2).Text(2)));
        Assert.Equal(OpenApiDocuments.Swagger2Protobuf, Documents.SwaggerProtobuf.MediaType);
    }

    [Fact]
    public void All_definitions_and_paths_are_in_it()
    {
        var json = JsonDocument.Parse(Documents.Swagger.Body).RootElement;

        Assert.Equal(json.GetProperty("definitions").EnumerateObject().Select(member => member.Name), Document.One(9).All(1).Select(entry => entry.Text(1)));
        Assert.Equal(json.GetProperty("paths").EnumerateObject().Select(member => member.Name), Document.One(8).All(2).Select(entry => entry.Text(1)));
    }

    [Fact]
    public void A_patch_has_the_parameter_and_the_kind_that_old_clients_look_for()
    {
        var patch = Document.One(8).Entry(2, "/apis/apps/v1/namespaces/{namespace}/deployments/{name}").One(8);

        Assert.Equal("patchAppsV1NamespacedDeployment", patch.Text(5));
        Assert.Contains("application/strategic-merge-patch+json", patch.Texts(7));
        var query = patch.All(8).Select(item => item.One(1)).SelectMany(parameter => parameter.All(2)).SelectMany(nonBody => nonBody.All(3));
        Assert.Equal(["dryRun", "fieldManager", "fieldValidation", "force"], query.Select(parameter => parameter.Text(4)));
        var body = patch.All(8).Select(item => item.One(1)).SelectMany(parameter => parameter.All(1)).Single();
        Assert.True(body.IsTrue(4));
        Assert.Equal("""{"group":"apps","kind":"Deployment","version":"v1"}""", patch.Entry(13, "x-kubernetes-group-version-kind").Text(2));
    }

    [Fact]
    public void Properties_say_their_type_and_how_they_are_merged()
    {
        var podSpec = Document.One(9).Entry(1, "io.k8s.api.core.v1.PodSpec");

        Assert.Equal("object", podSpec.One(22).Text(1));
        Assert.Contains("containers", podSpec.Texts(19));
        var containers = podSpec.One(25).Entry(1, "containers");
        Assert.Equal("array", containers.One(22).Text(1));
        Assert.Equal("#/definitions/io.k8s.api.core.v1.Container", containers.One(23).One(1).Text(1));
        Assert.Equal("\"merge\"", containers.Entry(31, "x-kubernetes-patch-strategy").Text(2));
        Assert.Equal("\"name\"", containers.Entry(31, "x-kubernetes-patch-merge-key").Text(2));
        var selector = podSpec.One(25).Entry(1, "nodeSelector");
        Assert.Equal("string", selector.One(21).One(1).One(22).Text(1));
    }

    [Fact]
    public void Numbers_that_may_be_texts_are_texts()
    {
        var port = Document.One(9).Entry(1, "io.k8s.apimachinery.pkg.util.intstr.IntOrString");

        Assert.Equal(("string", "int-or-string"), (port.One(22).Text(1), port.Text(2)));
    }
}
