using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Host.Machine;
using Orchestrator.Runtime.Tests.Nodes;

namespace Orchestrator.Node.Tests.Machine;

/// <summary>Pods that were ready when their machine ended.</summary>
public sealed class FormerPodsTests
{
    private readonly FakeKubeletApi _api = new();

    public FormerPodsTests()
    {
        Bind("runs");
        Bind("ended");
        Bind("static", "hash");
        Bind("others", node: "other");
    }

    [Fact]
    public async Task Those_of_which_nothing_runs_are_not_shown_as_ready()
    {
        await _api.CreateAsync(new Orchestrator.Api.CoreV1.Node { Metadata = new ObjectMeta { Name = "here" } }, CancellationToken.None);

        await FormerPods.ShowAsync(_api, "here", new HashSet<string> { _api.Pod("runs").Metadata.Uid!, "hash" }, CancellationToken.None);

        Assert.Equal(("True", "False", "True", "True"), (Ready("runs"), Ready("ended"), Ready("static"), Ready("others")));
        ContainerStatus container = _api.Pod("ended").Status.ContainerStatuses!.Single();
        Assert.Equal(("main", false, 2), (container.Name, container.Ready, container.RestartCount));
    }

    [Fact]
    public async Task An_API_server_that_is_away_is_not_waited_for()
    {
        _api.IsAway = true;

        await FormerPods.ShowAsync(_api, "here", new HashSet<string>(), CancellationToken.None);

        _api.IsAway = false;
        Assert.Equal("True", Ready("ended"));
    }

    private string? Ready(string pod) => _api.Pod(pod).Status.Conditions!.Single(condition => condition.Type == "Ready").Status;

    private void Bind(string name, string? mirrorOf = null, string node = "here")
    {
        _api.Bind(new Pod
        {
            Metadata = new ObjectMeta
            {
                Name = name, Namespace = "default", Annotations = mirrorOf is null ? null : new Dictionary<string, string> { ["kubernetes.io/config.mirror"] = mirrorOf },
            },
            Spec = new PodSpec { NodeName = node },
        });
        _api.Change(name, pod =>
        {
            pod.Status.Conditions = [new PodCondition { Type = "Ready", Status = "True" }];
            pod.Status.ContainerStatuses = [new ContainerStatus { Name = "main", Ready = true, RestartCount = 2 }];
        });
    }
}
