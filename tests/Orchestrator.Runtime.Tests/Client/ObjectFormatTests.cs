using System.Text;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Client;

namespace Orchestrator.Runtime.Tests.Client;

public sealed class ObjectFormatTests
{
    [Theory]
    [InlineData("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","managedFields":[{"manager":"m","fieldsV1":{"f:x":{"managedFields":[]}}}],"uid":"u"},"data":{"k":"v"}}""")]
    [InlineData("""{"metadata":{"managedFields":[],"name":"a","uid":"u"},"data":{"k":"v"}}""")]
    [InlineData("""{"data":{"k":"v"},"metadata":{"name":"a","uid":"u"}}""")]
    [InlineData("""{"data":{"k":"v"},"metadata":{"annotations":{"managedFields":"[]"},"name":"a","uid":"u","managedFields":null}}""")]
    public void An_object_for_a_cache_is_whole_but_for_the_record_of_its_managers(string json)
    {
        var read = (ConfigMap)ObjectFormat.Unmanaged.Read(ConfigMap.StaticKind, Encoding.UTF8.GetBytes(json));

        Assert.Null(read.Metadata.ManagedFields);
        Assert.Equal(("a", "u", "v"), (read.Metadata.Name, read.Metadata.Uid, read.Data!["k"]));
        Assert.Equal(json.Contains("annotations", StringComparison.Ordinal), read.Metadata.Annotations is not null);
    }
}
