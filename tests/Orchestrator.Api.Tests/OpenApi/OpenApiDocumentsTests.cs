using System.Text.Json;

namespace Orchestrator.Api.Tests.OpenApi;

public sealed class OpenApiDocumentsTests
{
    private const string Version = "v1.33.1";

    private static readonly OpenApiDocuments Documents = new(SchemaSet.Kubernetes, ResourceTable.Served, Version);

    public static TheoryData<string> Paths() => [.. Documents.Paths];

    [Fact]
    public void Each_served_version_has_a_document_that_the_index_leads_to()
    {
        var expected = ResourceTable.Served.All.Select(resource => resource.Group.Length == 0 ? "api/v1" : $"apis/{resource.ApiVersion}").Distinct();

        Assert.Equal(expected.Order(StringComparer.Ordinal), Documents.Paths);
        var index = JsonDocument.Parse(Documents.Index.Body).RootElement.GetProperty("paths");
        Assert.All(Documents.Paths, path => Assert.Equal(
            $"/openapi/v3/{path}?hash={Documents.Find(path)!.Hash}", index.GetProperty(path).GetProperty("serverRelativeURL").GetString()));
        Assert.Null(Documents.Find("apis/example.com/v1"));
    }

    [Fact]
    public void What_can_be_done_on_each_path_is_what_Kubernetes_says()
    {
        using var reader = new StreamReader(typeof(OpenApiDocumentsTests).Assembly.GetManifestResourceStream("paths.txt")!);
        var expected = reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);

        var actual = Operations(Parse(Documents.Swagger)).Where(operation => !operation.Path.Contains("metrics.k8s.io")).Select(operation =>
        {
            var kind = operation.Operation.GetProperty("x-kubernetes-group-version-kind");
            string group = kind.GetProperty("group").GetString() is { Length: > 0 } name ? name : "core";
            return $"{operation.Path} {operation.Method} {operation.Operation.GetProperty("x-kubernetes-action")} "
                + $"{group}/{kind.GetProperty("version")} {kind.GetProperty("kind")}";
        });

        Assert.Equal(expected.Order(StringComparer.Ordinal), actual.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Every_reference_leads_to_a_definition_of_the_same_document(string path)
    {
        var document = Parse(Documents.Find(path)!);
        var definitions = document.GetProperty("components").GetProperty("schemas");

        Assert.NotEmpty(References(document));
        Assert.All(References(document), reference =>
        {
            Assert.StartsWith("#/components/schemas/", reference);
            Assert.True(definitions.TryGetProperty(reference["#/components/schemas/".Length..], out _), reference);
        });
    }

    [Fact]
    public void Every_reference_of_the_older_version_leads_to_a_definition()
    {
        var document = Parse(Documents.Swagger);
        var definitions = document.GetProperty("definitions");

        Assert.All(References(document), reference =>
            Assert.True(definitions.TryGetProperty(reference["#/definitions/".Length..], out _), reference));
    }

    [Fact]
    public void Every_kind_that_can_be_patched_says_so_in_the_way_that_clients_look_for()
    {
        foreach (var resource in ResourceTable.Served.All.Where(resource => resource.Allows("patch")))
        {
            var document = Parse(Documents.Find(resource.Group.Length == 0 ? "api/v1" : $"apis/{resource.ApiVersion}")!);

            var patch = Assert.Single(Operations(document), operation =>
                operation.Path.EndsWith($"/{resource.Plural}/{{name}}", StringComparison.Ordinal) && operation.Method == "patch").Operation;

            var kind = patch.GetProperty("x-kubernetes-group-version-kind");
            Assert.Equal(resource.Kind, new GroupVersionKind(
                kind.GetProperty("group").GetString()!, kind.GetProperty("version").GetString()!, kind.GetProperty("kind").GetString()!));
            var parameters = patch.GetProperty("parameters").EnumerateArray().Select(parameter => parameter.GetProperty("name").GetString());
            Assert.Superset(new HashSet<string?> { "dryRun", "fieldManager", "fieldValidation", "force" }, parameters.ToHashSet());
            Assert.Equal(
                ["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json"],
                patch.GetProperty("requestBody").GetProperty("content").EnumerateObject().Select(content => content.Name));
        }
    }

    [Fact]
    public void Every_path_names_the_parameters_that_it_has()
    {
        foreach (string name in Documents.Paths)
        {
            foreach (var path in Parse(Documents.Find(name)!).GetProperty("paths").EnumerateObject())
            {
                var inPath = path.Value.GetProperty("parameters").EnumerateArray()
                    .Where(parameter => parameter.GetProperty("in").GetString() == "path")
                    .Select(parameter => $"{{{parameter.GetProperty("name").GetString()}}}");

                Assert.Equal(path.Name.Split('/').Where(part => part.StartsWith('{')).Order(), inPath.Order());
            }
        }
    }

    [Fact]
    public void No_two_operations_have_one_name()
    {
        var ids = Operations(Parse(Documents.Swagger)).Select(operation => operation.Operation.GetProperty("operationId").GetString()!).ToList();

        Assert.Equal(ids.Distinct(), ids);
        Assert.Contains("listCoreV1PodForAllNamespaces", ids);
        Assert.Contains("connectCoreV1GetNamespacedPodProxyWithPath", ids);
        Assert.Contains("deleteRbacAuthorizationV1CollectionNamespacedRole", ids);
        Assert.Contains("replaceCoreV1NamespaceFinalize", ids);
    }

    [Theory]
    [InlineData("/api/v1/namespaces/{namespace}/pods/{name}/eviction", "post", "post", "policy", "Eviction")]
    [InlineData("/api/v1/namespaces/{namespace}/pods/{name}/exec", "get", "connect", "", "PodExecOptions")]
    [InlineData("/api/v1/namespaces/{namespace}/pods/{name}/log", "get", "get", "", "Pod")]
    [InlineData("/api/v1/namespaces/{name}/finalize", "put", "put", "", "Namespace")]
    [InlineData("/api/v1/pods", "get", "list", "", "Pod")]
    [InlineData("/api/v1/nodes/{name}", "delete", "delete", "", "Node")]
    [InlineData("/apis/apps/v1/namespaces/{namespace}/deployments", "delete", "deletecollection", "apps", "Deployment")]
    [InlineData("/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale", "patch", "patch", "autoscaling", "Scale")]
    [InlineData("/apis/authentication.k8s.io/v1/tokenreviews", "post", "post", "authentication.k8s.io", "TokenReview")]
    public void Operations_say_what_they_do_to_what(string path, string method, string action, string group, string kind)
    {
        var operation = Parse(Documents.Swagger).GetProperty("paths").GetProperty(path).GetProperty(method);

        Assert.Equal(action, operation.GetProperty("x-kubernetes-action").GetString());
        Assert.Equal((group, kind), (
            operation.GetProperty("x-kubernetes-group-version-kind").GetProperty("group").GetString(),
            operation.GetProperty("x-kubernetes-group-version-kind").GetProperty("kind").GetString()));
    }

    [Fact]
    public void A_property_says_what_it_adds_beside_its_reference()
    {
        var pod = Parse(Documents.Find("api/v1")!).GetProperty("components").GetProperty("schemas").GetProperty("io.k8s.api.core.v1.Pod");

        var spec = pod.GetProperty("properties").GetProperty("spec");

        Assert.Equal("#/components/schemas/io.k8s.api.core.v1.PodSpec", spec.GetProperty("allOf")[0].GetProperty("$ref").GetString());
        Assert.Equal("{}", spec.GetProperty("default").GetRawText());
        Assert.False(spec.TryGetProperty("$ref", out _));
    }

    [Fact]
    public void The_same_tables_give_the_same_bytes()
    {
        var again = new OpenApiDocuments(SchemaSet.Kubernetes, ResourceTable.Served, Version);

        Assert.Equal(Documents.Index.Body, again.Index.Body);
        Assert.Equal(Documents.SwaggerProtobuf.Hash, again.SwaggerProtobuf.Hash);
    }

    private static JsonElement Parse(ServedDocument document) => JsonDocument.Parse(document.Body).RootElement;

    private static IEnumerable<(string Path, string Method, JsonElement Operation)> Operations(JsonElement document) =>
        document.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject()
            .Where(member => member.Name != "parameters")
            .Select(member => (path.Name, member.Name, member.Value)));

    private static IEnumerable<string> References(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Array => json.EnumerateArray().SelectMany(References),
        JsonValueKind.Object => json.EnumerateObject().SelectMany(member =>
            member.Name == "$ref" ? [member.Value.GetString()!] : References(member.Value)),
        _ => [],
    };
}
