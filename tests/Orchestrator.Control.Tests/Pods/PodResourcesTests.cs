using Orchestrator.Control.Pods;

namespace Orchestrator.Control.Tests.Pods;

public sealed class PodResourcesTests
{
    [Theory]
    // Side by side: they add up.
    [InlineData("300m 400m", "", "700m")]
    // An init container runs alone: the greater counts.
    [InlineData("1", "2", "2")]
    [InlineData("3", "2", "3")]
    // A sidecar stays; a step after it runs beside it, a step before it does not.
    [InlineData("1", "+500m 3", "3500m")]
    [InlineData("1", "3 +500m", "3")]
    [InlineData("1", "500m +300m 1100m", "1400m")]
    [InlineData("300m 400m", "+100m 100m", "800m")]
    public void A_pod_needs_its_containers_together_or_the_greediest_step_of_its_start(string containers, string init, string expected)
    {
        var spec = new PodSpec { Containers = [.. Asking(containers)], InitContainers = [.. Asking(init)] };

        Assert.Equal(Quantity.Parse(expected), PodResources.Requests(spec)["cpu"]);
        Assert.Equal(Quantity.Parse(expected), PodResources.Limits(spec)["cpu"]);
    }

    [Fact]
    public void What_is_said_for_the_pod_as_a_whole_stands_for_its_containers()
    {
        var spec = new PodSpec
        {
            Containers = [.. Asking("1 1")],
            Resources = new ResourceRequirements
            {
                Requests = Amounts("cpu", "5", "example.com/gpu", "2"), // Only what a pod can be given as a whole.
                Limits = Amounts("memory", "1Gi"),
            },
            Overhead = Amounts("cpu", "100m"),
        };

        var requests = PodResources.Requests(spec);

        Assert.Equal(Amounts("cpu", "5100m"), requests);
        Assert.Equal(Amounts("cpu", "2100m", "memory", "1Gi"), PodResources.Limits(spec));
    }

    [Fact]
    public void Overhead_is_asked_for_in_any_case_but_limits_nothing_that_has_no_limit()
    {
        var spec = new PodSpec
        {
            Containers = [new Container { Name = "main" }],
            Overhead = Amounts("cpu", "100m", "memory", "10Mi"),
        };

        Assert.Equal(Amounts("cpu", "100m", "memory", "10Mi"), PodResources.Requests(spec));
        Assert.Empty(PodResources.Limits(spec));
        Assert.Empty(PodResources.Requests(spec, withOverhead: false));
    }

    private static IEnumerable<Container> Asking(string cpus) => cpus.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(cpu => new Container
    {
        RestartPolicy = cpu.StartsWith('+') ? "Always" : null,
        Resources = new ResourceRequirements { Requests = Amounts("cpu", cpu.TrimStart('+')), Limits = Amounts("cpu", cpu.TrimStart('+')) },
    });

    private static Dictionary<string, Quantity> Amounts(params string[] namesAndAmounts) =>
        namesAndAmounts.Chunk(2).ToDictionary(pair => pair[0], pair => Quantity.Parse(pair[1]));
}
