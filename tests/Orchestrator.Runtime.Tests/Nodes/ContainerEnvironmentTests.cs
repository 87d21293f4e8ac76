using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Pods;

namespace Orchestrator.Runtime.Tests.Nodes;

public sealed class ContainerEnvironmentTests
{
    [Theory]
    [InlineData(null, "limits.cpu", null, "1")] // Rounded up.
    [InlineData("main", "limits.cpu", "1m", "500")]
    [InlineData("other", "limits.cpu", null, "2")]
    [InlineData("setup", "requests.memory", "1Mi", "64")]
    [InlineData("other", "limits.memory", "1Gi", "8")] // Without a limit: all that the node has.
    public async Task A_variable_shows_what_the_container_that_it_names_may_use(string? container, string resource, string? divisor, string expected)
    {
        var variable = new EnvVar
        {
            Name = "AMOUNT",
            ValueFrom = new EnvVarSource
            {
                ResourceFieldRef = new ResourceFieldSelector
                {
                    ContainerName = container, Resource = resource, Divisor = divisor is null ? null : Quantity.Parse(divisor),
                },
            },
        };

        Assert.Equal(expected, await ResolveAsync(variable));
    }

    [Fact]
    public async Task A_container_that_the_pod_does_not_have_is_named_in_the_refusal()
    {
        var variable = new EnvVar
        {
            Name = "AMOUNT",
            ValueFrom = new EnvVarSource { ResourceFieldRef = new ResourceFieldSelector { ContainerName = "nobody", Resource = "limits.cpu" } },
        };

        var refusal = await Assert.ThrowsAsync<ContainerStartException>(() => ResolveAsync(variable));

        Assert.Equal(new WaitingReason("CreateContainerConfigError", "container nobody not found"), refusal.Reason);
    }

    private static async Task<string> ResolveAsync(EnvVar variable)
    {
        Pod pod = HollowCluster.NewPod("web", pod =>
        {
            pod.Spec.InitContainers = [new Container { Name = "setup", Resources = new() { Requests = Amounts("memory", "64Mi") } }];
            pod.Spec.Containers =
            [
                new Container { Name = "main", Env = [variable], Resources = new() { Limits = Amounts("cpu", "500m") } },
                new Container { Name = "other", Resources = new() { Limits = Amounts("cpu", "2") } },
            ];
        });
        var environment = new ContainerEnvironment(new FakeKubeletApi(), pod, "10.0.0.2", "node", "10.0.0.1", [], Amounts("memory", "8Gi"));
        var variables = await environment.ResolveAsync(pod.Spec.Containers![0], CancellationToken.None);
        return variables.Single(known => known.Key == variable.Name).Value;
    }

    private static Dictionary<string, Quantity> Amounts(string name, string amount) => new() { [name] = Quantity.Parse(amount) };
}
