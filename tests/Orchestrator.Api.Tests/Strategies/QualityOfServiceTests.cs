using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Strategies;

namespace Orchestrator.Api.Tests.Strategies;

public sealed class QualityOfServiceTests
{
    [Theory]
    [InlineData("{}", "BestEffort")]
    [InlineData("{'requests':{'cpu':'0'}}", "BestEffort")]
    [InlineData("{'requests':{'example.com/gpu':'1'},'limits':{'example.com/gpu':'1'}}", "BestEffort")]
    [InlineData("{'requests':{'cpu':'100m'}}", "Burstable")]
    [InlineData("{'limits':{'cpu':'1'},'requests':{'cpu':'1'}}", "Burstable")]
    [InlineData("{'limits':{'cpu':'1','memory':'1Gi'},'requests':{'cpu':'1','memory':'1Gi'}}", "Guaranteed")]
    [InlineData("{'limits':{'cpu':'1','memory':'1Gi'},'requests':{'cpu':'1000m','memory':'1024Mi'}}", "Guaranteed")]
    [InlineData("{'limits':{'cpu':'1','memory':'1Gi'},'requests':{'cpu':'500m','memory':'1Gi'}}", "Burstable")]
    public void A_pods_class_follows_from_what_it_asks_for(string resources, string expected)
    {
        var pod = Documents.Read<Pod>("{'spec':{'containers':[{'name':'c','resources':" + resources + "}]}}");

        Assert.Equal(expected, QualityOfService.ClassOf(pod.Spec));
    }

    [Fact]
    public void One_container_without_limits_makes_the_pod_burstable()
    {
        var pod = Documents.Read<Pod>(
            "{'spec':{'containers':[{'name':'a','resources':{'limits':{'cpu':'1','memory':'1Gi'},'requests':{'cpu':'1','memory':'1Gi'}}},{'name':'b'}]}}");

        Assert.Equal("Burstable", QualityOfService.ClassOf(pod.Spec));
    }
}
