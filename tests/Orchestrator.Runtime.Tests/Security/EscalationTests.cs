using System.Text.Json.Nodes;
using static Orchestrator.Runtime.Tests.Security.SecuredServer;

namespace Orchestrator.Runtime.Tests.Security;

/// <summary>Ways in which somebody who may do little could come to do more.</summary>
public sealed class EscalationTests(SecuredServer cluster) : IClassFixture<SecuredServer>
{
    private const string Rbac = "/apis/rbac.authorization.k8s.io/v1";

    private async Task<HttpClient> UserWithAsync(string user, string rules, string? ns = null)
    {
        string scope = ns is null ? "" : $"/namespaces/{ns}";
        string kind = ns is null ? "Cluster" : "";
        string roles = ns is null ? "clusterroles" : "roles", bindings = ns is null ? "clusterrolebindings" : "rolebindings";
        Assert.Equal(201, (await cluster.PostAsync(cluster.Admin, $"{Rbac}{scope}/{roles}", $$"""{"metadata":{"name":"{{user}}"},"rules":{{rules}}}""")).Code);
        Assert.Equal(201, (await cluster.PostAsync(cluster.Admin, $"{Rbac}{scope}/{bindings}",
            $$"""{"metadata":{"name":"{{user}}"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"{{kind}}Role","name":"{{user}}"},"subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"{{user}}"}]}""")).Code);
        return cluster.ClientOf(user);
    }

    [Fact]
    public async Task A_namespace_is_not_reached_through_another_one()
    {
        string own = await cluster.NewNamespaceAsync(), others = await cluster.NewNamespaceAsync();
        var owner = await UserWithAsync("owner", """[{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}]""", own);
        await UntilAsync(() => cluster.GetAsync(owner, $"/api/v1/namespaces/{own}/pods"), answer => answer.Code == 200);

        var (deleted, _) = await SendAsync(owner, HttpMethod.Delete, $"/api/v1/namespaces/{own}/namespaces/{others}");
        var (listed, _) = await cluster.GetAsync(owner, $"/api/v1/namespaces/{own}/namespaces");

        Assert.Equal((404, 404), (deleted, listed));
        Assert.Null((await cluster.GetAsync(cluster.Admin, $"/api/v1/namespaces/{others}")).Body["metadata"]!["deletionTimestamp"]);
    }

    [Fact]
    public async Task Who_may_delete_one_object_deletes_no_collection_by_an_old_path()
    {
        string ns = await cluster.NewNamespaceAsync();
        string maps = $"/api/v1/namespaces/{ns}/configmaps";
        foreach (string name in (string[])["mine", "others"])
            Assert.Equal(201, (await cluster.PostAsync(cluster.Admin, maps, $$"""{"metadata":{"name":"{{name}}"} }""")).Code);
        var user = await UserWithAsync("one", """[{"verbs":["*"],"apiGroups":[""],"resources":["configmaps"],"resourceNames":["mine"]}]""", ns);
        await UntilAsync(() => cluster.GetAsync(user, $"{maps}/mine"), answer => answer.Code == 200);

        var (code, _) = await SendAsync(user, HttpMethod.Delete, $"/api/v1/watch/namespaces/{ns}/configmaps/mine");
        var (made, _) = await cluster.PostAsync(user, $"{maps}/mine", """{"metadata":{"name":"mine"} }""");

        Assert.Equal((405, 405), (code, made));
        Assert.Equal(200, (await cluster.GetAsync(cluster.Admin, $"{maps}/others")).Code);
        // By name, a list is a matter of that object alone, whatever else is asked.
        Assert.Equal(200, (await cluster.GetAsync(user, $"{maps}?fieldSelector=metadata.name%3Dmine,metadata.namespace%3D{ns}")).Code);
        Assert.Equal(403, (await SendAsync(user, HttpMethod.Delete, $"{maps}?fieldSelector=metadata.name%3Dmine")).Code);
    }

    [Fact]
    public async Task Who_may_change_may_not_therefore_create()
    {
        string ns = await cluster.NewNamespaceAsync();
        string maps = $"/api/v1/namespaces/{ns}/configmaps", leases = $"/apis/coordination.k8s.io/v1/namespaces/{ns}/leases";
        var changer = await UserWithAsync("changer", """[{"verbs":["get","update","patch"],"apiGroups":["","coordination.k8s.io"],"resources":["configmaps","leases"]}]""", ns);
        await UntilAsync(() => cluster.GetAsync(changer, $"{maps}/none"), answer => answer.Code == 404);

        var (applied, body) = await SendAsync(changer, HttpMethod.Patch, $"{maps}/made?fieldManager=me",
            """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"made"}}""", "application/apply-patch+yaml");
        var (put, _) = await SendAsync(changer, HttpMethod.Put, $"{leases}/made", """{"metadata":{"name":"made"} }""");

        Assert.Equal((403, 403), (applied, put));
        Assert.Equal($"configmaps \"made\" is forbidden: User \"changer\" cannot create resource \"configmaps\" in API group \"\" in the namespace \"{ns}\"",
            (string?)body["message"]);
        Assert.Equal(404, (await cluster.GetAsync(cluster.Admin, $"{maps}/made")).Code);
        Assert.Equal(201, (await SendAsync(cluster.Admin, HttpMethod.Put, $"{leases}/made", """{"metadata":{"name":"made"} }""")).Code);
    }

    [Fact]
    public async Task A_role_is_not_labelled_into_another_by_who_does_not_hold_its_rules()
    {
        var labeller = await UserWithAsync("labeller", """[{"verbs":["get","patch"],"apiGroups":["rbac.authorization.k8s.io"],"resources":["clusterroles"]}]""");
        Assert.Equal(201, (await cluster.PostAsync(cluster.Admin, $"{Rbac}/clusterroles",
            """{"metadata":{"name":"mighty"},"rules":[{"verbs":["*"],"apiGroups":[""],"resources":["secrets"]}]}""")).Code);
        await UntilAsync(() => cluster.GetAsync(labeller, $"{Rbac}/clusterroles/mighty"), answer => answer.Code == 200);

        var (code, body) = await PatchAsync("""{"metadata":{"labels":{"rbac.authorization.k8s.io/aggregate-to-view":"true"} } }""");

        Assert.Equal(403, code);
        Assert.Contains("is attempting to grant RBAC permissions not currently held", (string?)body["message"], StringComparison.Ordinal);
        (code, body) = await PatchAsync("""{"metadata":{"finalizers":["example.com/kept"]} }""");
        Assert.True(code == 200, body.ToJsonString());

        Task<(int Code, JsonObject Body)> PatchAsync(string patch) =>
            SendAsync(labeller, HttpMethod.Patch, $"{Rbac}/clusterroles/mighty", patch, "application/merge-patch+json");
    }
}
