namespace Orchestrator.Api.Tests.Names;

public sealed class NamesTests
{
    [Theory]
    [InlineData("apps/v1", "apps", "v1")]
    [InlineData("v1", "", "v1")]
    public void A_version_is_parsed_and_written_alike(string apiVersion, string group, string version)
    {
        var kind = GroupVersionKind.Parse(apiVersion, "Thing");

        Assert.Equal(new GroupVersionKind(group, version, "Thing"), kind);
        Assert.Equal(apiVersion, kind.ApiVersion);
    }

    [Fact]
    public void A_version_with_two_slashes_is_refused() =>
        Assert.Equal("unexpected GroupVersion string: a/b/c", Assert.Throws<FormatException>(() => GroupVersionKind.Parse("a/b/c", "X")).Message);

    [Fact]
    public void Names_are_written_as_messages_have_them()
    {
        Assert.Equal("apps/v1, Kind=Deployment", new GroupVersionKind("apps", "v1", "Deployment").ToString());
        Assert.Equal("/v1, Resource=pods", new GroupVersionResource("", "v1", "pods").ToString());
        Assert.Equal("deployments.apps", new GroupResource("apps", "deployments").ToString());
        Assert.Equal(new GroupResource("rbac.authorization.k8s.io", "roles"), GroupResource.Parse("roles.rbac.authorization.k8s.io"));
        Assert.Equal("Pod", new GroupKind("", "Pod").ToString());
    }

    [Theory]
    [InlineData("default/web", "default", "web")]
    [InlineData("node-1", "", "node-1")]
    public void A_key_is_parsed_and_written_alike(string text, string space, string name)
    {
        Assert.Equal(new NamespacedName(space, name), NamespacedName.Parse(text));
        Assert.Equal(text, new NamespacedName(space, name).ToString());
    }
}
