using Orchestrator.Api.Validation;

namespace Orchestrator.Api.Tests.Validation;

public sealed class MetadataTests
{
    private const string Subdomain = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
        + "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

    private const string Label = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
        + "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

    private const string Label1035 = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
        + "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

    private const string Qualified = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
        + "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

    [Theory]
    [InlineData("Pod", "metadata.name='A'", "metadata.name: Invalid value: \"A\": " + Subdomain)]
    [InlineData("ConfigMap", "metadata.name='a_b'", "metadata.name: Invalid value: \"a_b\": " + Subdomain)]
    [InlineData("Service", "metadata.name='1a'", "metadata.name: Invalid value: \"1a\": " + Label1035)]
    [InlineData("Namespace", "metadata.name='a.b'", "metadata.name: Invalid value: \"a.b\": must not contain dots")]
    [InlineData("Namespace", "metadata.name='A'", "metadata.name: Invalid value: \"A\": " + Label)]
    [InlineData("Role", "metadata.name='system:node'", "")]
    [InlineData("Role", "metadata.name='a/b'", "metadata.name: Invalid value: \"a/b\": may not contain '/'")]
    [InlineData("Role", "metadata.name='..'", "metadata.name: Invalid value: \"..\": may not be '..'")]
    [InlineData("Pod", "metadata.name=-", "metadata.name: Required value: name or generateName is required")]
    [InlineData("Pod", "metadata.generateName='web-'", "")]
    [InlineData("Pod", "metadata.generateName='Web-'", "metadata.generateName: Invalid value: \"Web-\": " + Subdomain)]
    [InlineData("Pod", "metadata.namespace=-", "metadata.namespace: Required value")]
    [InlineData("Node", "metadata.namespace='ns'", "metadata.namespace: Forbidden: not allowed on this type")]
    [InlineData("Pod", "metadata.labels={'a b':'c'}", "metadata.labels: Invalid value: \"a b\": " + Qualified)]
    [InlineData("Pod", "metadata.labels={'/a':'c'}", "metadata.labels: Invalid value: \"/a\": prefix part must be non-empty")]
    [InlineData("Pod", "metadata.annotations={'A/B':'c'}", "")]
    [InlineData("Pod", "metadata.annotations={'a b':'c'}", "metadata.annotations: Invalid value: \"a b\": " + Qualified)]
    [InlineData("Pod", "metadata.finalizers=['kubernetes']", "")]
    [InlineData("Pod", "metadata.finalizers=['mine']", "metadata.finalizers[0]: Invalid value: \"mine\": name is neither a standard finalizer name nor is it fully qualified")]
    [InlineData("Pod", "metadata.finalizers=['orphan','foregroundDeletion']", "metadata.finalizers: Invalid value: []string{\"orphan\", \"foregroundDeletion\"}: finalizer orphan and foregroundDeletion cannot be both set")]
    [InlineData("Pod", "metadata.ownerReferences=[{'apiVersion':'','kind':'','name':'','uid':''}]",
        "metadata.ownerReferences.apiVersion: Invalid value: \"\": version must not be empty\nmetadata.ownerReferences.kind: Invalid value: \"\": must not be empty\n"
        + "metadata.ownerReferences.name: Invalid value: \"\": must not be empty\nmetadata.ownerReferences.uid: Invalid value: \"\": must not be empty")]
    public void Metadata_follows_its_rules(string kind, string changes, string expected) => Assert.Equal(expected, Examples.Faults(kind, changes));

    [Fact]
    public void A_label_that_is_too_long_is_refused() => Assert.Equal(
        $"metadata.labels: Invalid value: \"{new string('a', 64)}\": must be no more than 63 bytes",
        Examples.Faults("Pod", $"metadata.labels={{'a':'{new string('a', 64)}'}}"));

    [Fact]
    public void Annotations_have_a_limit_together() => Assert.Equal(
        "metadata.annotations: Too long: may not be more than 262144 bytes",
        Examples.Faults("ConfigMap", $"metadata.annotations={{'a':'{new string('a', 256 * 1024)}'}}"));

    [Fact]
    public void Only_one_owner_controls() => Assert.Contains(
        "Only one reference can have Controller set to true. Found \"true\" in references for A/a and B/b",
        Examples.Faults("Pod", "metadata.ownerReferences=[{'apiVersion':'v1','kind':'A','name':'a','uid':'1','controller':true},{'apiVersion':'v1','kind':'B','name':'b','uid':'2','controller':true}]"));

    [Theory]
    [InlineData("metadata.name='y'", "metadata.name: Invalid value: \"y\": field is immutable")]
    [InlineData("metadata.namespace='other'", "metadata.namespace: Invalid value: \"other\": field is immutable")]
    [InlineData("metadata.uid='u-2'", "metadata.uid: Invalid value: \"u-2\": field is immutable")]
    [InlineData("metadata.creationTimestamp='2026-01-01T00:00:00Z'", "metadata.creationTimestamp: Invalid value: \"2026-01-01T00:00:00Z\": field is immutable")]
    [InlineData("metadata.resourceVersion=-", "metadata.resourceVersion: Invalid value: \"\": must be specified for an update")]
    [InlineData("metadata.labels={'a':'b'}", "")]
    public void An_update_keeps_what_makes_the_object_this_one(string changes, string expected) => Assert.Equal(
        expected, Examples.Text(Validator.ValidateUpdate(Examples.Of("ConfigMap", changes), Examples.Of("ConfigMap"))));

    [Fact]
    public void An_object_that_is_deleted_takes_no_new_finalizers() => Assert.Equal(
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{\"a/b\"}",
        Examples.Text(Validator.ValidateUpdate(
            Examples.Of("ConfigMap", "metadata.deletionTimestamp='2026-01-01T00:00:00Z'; metadata.finalizers=['c/d','a/b']"),
            Examples.Of("ConfigMap", "metadata.deletionTimestamp='2026-01-01T00:00:00Z'; metadata.finalizers=['c/d']"))));
}
