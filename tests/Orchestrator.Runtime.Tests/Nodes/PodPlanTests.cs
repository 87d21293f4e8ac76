using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Pods;

namespace Orchestrator.Runtime.Tests.Nodes;

/// <summary>What is decided for a pod, as tables: containers as "name:state", what follows as "start name#attempt" and "kill name".</summary>
public sealed class PodPlanTests
{
    private static readonly DateTimeOffset At = DateTimeOffset.UnixEpoch;

    [Theory]
    // Nothing is there yet.
    [InlineData("Always", "", "a b", "", "sandbox, start a#0, start b#0")]
    [InlineData("Always", "i", "a", "", "sandbox, start i#0")]
    // Init containers, one at a time.
    [InlineData("Always", "i j", "a", "i:running", "")]
    [InlineData("Always", "i j", "a", "i:0", "start j#0")]
    [InlineData("Always", "i j", "a", "i:0 j:0", "start a#0")]
    [InlineData("Always", "i j", "a", "i:1", "start i#1")]
    [InlineData("Never", "i j", "a", "i:1", "finished")]
    // Sidecars stay, and hold the next up only until they have started.
    [InlineData("Always", "+s i", "a", "", "sandbox, start s#0")]
    [InlineData("Always", "+s i", "a", "s:running", "start i#0")]
    [InlineData("Always", "+s i", "a", "s:starting", "")]
    [InlineData("Always", "+s", "a", "s:0 a:running", "start s#1")]
    [InlineData("Never", "+s", "a", "s:running a:0", "finished, kill s")]
    // Restart policies.
    [InlineData("Always", "", "a b", "a:0 b:running", "start a#1")]
    [InlineData("OnFailure", "", "a b", "a:0 b:running", "")]
    [InlineData("OnFailure", "", "a b", "a:1 b:running", "start a#1")]
    [InlineData("Never", "", "a b", "a:1 b:running", "")]
    [InlineData("Never", "", "a b", "a:1 b:0", "finished")]
    [InlineData("OnFailure", "", "a b", "a:0 b:0", "finished")]
    [InlineData("OnFailure", "", "a b", "a:0 b:2", "start b#1")]
    // What probes and changes want.
    [InlineData("Always", "", "a", "a:unhealthy", "kill a, start a#1")]
    [InlineData("Never", "", "a", "a:unhealthy", "kill a")]
    [InlineData("Never", "", "a", "a:outdated", "kill a, start a#1")]
    public void What_follows_from_what_is_there(string policy, string init, string regular, string there, string expected)
    {
        Pod pod = NewPod(policy, init, regular);
        var observed = new PodObservation(
            there.Length == 0 ? null : new PodSandbox("s", "u", "p", "n", 0, true, At, "10.0.0.2"),
            [.. there.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Container)]);

        PodPlan plan = PodPlan.Compute(pod, observed, Health);

        Assert.Equal(expected, Describe(plan));
    }

    [Fact]
    public void A_lost_sandbox_is_made_anew_unless_the_pod_is_never_restarted()
    {
        var lost = new PodObservation(new PodSandbox("s", "u", "p", "n", 0, false, At, ""), [Container("a:137")]);

        Assert.Equal("sandbox, start a#1", Describe(PodPlan.Compute(NewPod("Always", "", "a b"), lost with { Containers = [.. lost.Containers, Container("b:running")] }, Health)));
        Assert.Equal("finished", Describe(PodPlan.Compute(NewPod("Never", "", "a b"), lost, Health)));
    }

    [Fact]
    public void A_container_that_the_runtime_has_lost_keeps_its_count_of_restarts()
    {
        Pod pod = NewPod("Always", "", "a");
        pod.Status.ContainerStatuses = [new ContainerStatus { Name = "a", RestartCount = 4, ContainerID = "x://y" }];

        Assert.Equal("sandbox, start a#5", Describe(PodPlan.Compute(pod, PodObservation.Nothing, Health)));

        // It was lost before, and its image could not be had since.
        pod.Status.ContainerStatuses[0].ContainerID = null;
        Assert.Equal("sandbox, start a#4", Describe(PodPlan.Compute(pod, PodObservation.Nothing, Health)));
    }

    [Fact]
    public void Waits_double_and_begin_anew_after_ten_good_minutes()
    {
        var backoff = new ContainerBackoff();
        DateTimeOffset now = At;
        var waits = new List<double>();

        for (int i = 0; i < 8; i++)
        {
            DateTimeOffset? until = backoff.WaitUntil("a", now, now);
            waits.Add(until is null ? 0 : (until.Value - now).TotalSeconds);
            now = until ?? now;
            backoff.Next("a", now, now);
        }
        now += TimeSpan.FromMinutes(11);

        Assert.Equal([0, 10, 20, 40, 80, 160, 300, 300], waits);
        Assert.Null(backoff.WaitUntil("a", now, now));
    }

    [Theory]
    [InlineData("nginx", true, true)]
    [InlineData("nginx:latest", true, true)]
    [InlineData("nginx:1.27", true, false)]
    [InlineData("localhost:5000/a/b_c", true, true)]
    [InlineData("registry.k8s.io/pause:3.9@sha256:7031c1b283388d2c2e09b57badb803c05ebed362dc88d84b480cc47f72a21097", true, false)]
    [InlineData("Nginx", false, false)]
    [InlineData("nginx:", false, false)]
    [InlineData("nginx::1", false, false)]
    [InlineData("a//b", false, false)]
    [InlineData("", false, false)]
    public void Image_names_are_read(string image, bool isValid, bool isLatest)
    {
        Assert.Equal(isValid, ImageReference.IsValid(image));
        if (isValid)
            Assert.Equal(isLatest, ImageReference.IsLatest(image));
    }

    [Theory]
    [InlineData("$(A) and $(B)", "1 and $(B)")]
    [InlineData("$$(A)", "$(A)")]
    [InlineData("$A $(A", "$A $(A")]
    public void Variables_are_put_in_where_they_are_known(string text, string expected) =>
        Assert.Equal(expected, ContainerEnvironment.Expand(text, [new("A", "0"), new("A", "1")]));

    private static Pod NewPod(string policy, string init, string regular) => new()
    {
        Metadata = new() { Name = "p", Namespace = "n", Uid = "u" },
        Spec = new PodSpec
        {
            RestartPolicy = policy,
            InitContainers =
            [
                .. init.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(name => new Container
                {
                    Name = name.TrimStart('+'),
                    Image = "x",
                    RestartPolicy = name[0] == '+' ? "Always" : null,
                }),
            ],
            Containers = [.. regular.Split(' ').Select(name => new Container { Name = name, Image = "x" })],
        },
    };

    private static RuntimeContainer Container(string text)
    {
        string[] parts = text.Split(':');
        bool hasEnded = int.TryParse(parts[1], out int code);
        return new RuntimeContainer(
            $"id-{parts[1]}", "s", "u", parts[0], 0, hasEnded ? RuntimeContainerState.Exited : RuntimeContainerState.Running,
            "x", "x@y", parts[1] == "outdated" ? "old" : "x", At, At, hasEnded ? At : null, code);
    }

    private static ContainerHealth Health(RuntimeContainer container) => container.Id switch
    {
        "id-starting" => new ContainerHealth(false, false, null),
        "id-unhealthy" => new ContainerHealth(true, true, "it failed its probe"),
        _ => ContainerHealth.Good,
    };

    private static string Describe(PodPlan plan) => string.Join(", ",
    [
        .. plan.IsFinished ? (string[])["finished"] : [],
        .. plan.NeedsSandbox ? (string[])["sandbox"] : [],
        .. plan.Kills.Select(kill => $"kill {kill.Container.Name}"),
        .. plan.Starts.Select(start => $"start {start.Container.Name}#{start.Attempt}"),
    ]);
}
