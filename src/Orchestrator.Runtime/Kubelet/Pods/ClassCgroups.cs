using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Strategies;
using Orchestrator.Control.Pods;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>The cgroups of all pods and of their classes of service: who gets which part of the processors when there is not enough for all.</summary>
/// <remarks>All pods together as much as the node has to give; those of the class Burstable what they ask for; those of best effort what is left.</remarks>
/// <param name="admitted">The pods that take part of the node now.</param>
/// <param name="nodeMilliCores">What the node has to give.</param>
internal sealed class ClassCgroups(ContainerSettings settings, Func<IEnumerable<Pod>> admitted, Func<long> nodeMilliCores)
{
    private readonly Lock _gate = new();
    private (long Node, long Burstable)? _written;

    /// <summary>Makes them as they ought to be now. Again is no error.</summary>
    /// <exception cref="IOException">The kernel refuses; it says why.</exception>
    public void Update()
    {
        lock (_gate)
        {
            (long Node, long Burstable) wanted = (nodeMilliCores(), BurstableMilliCores(admitted()));
            if (_written == wanted)
                return;
            var cgroups = new PodCgroups(settings);
            foreach ((string path, long shares) in Shares(settings.CgroupRoot, wanted.Node, wanted.Burstable))
                cgroups.Write(path, PodCgroups.SharesFile(shares, cgroups.IsUnified));
            _written = wanted;
        }
    }

    public static IEnumerable<(string Path, long Shares)> Shares(string root, long nodeMilliCores, long burstableMilliCores)
    {
        yield return (root, LinuxContainers.SharesOf(nodeMilliCores));
        yield return ($"{root}/burstable", LinuxContainers.SharesOf(burstableMilliCores));
        yield return ($"{root}/besteffort", LinuxContainers.SharesOf(0));
    }

    public static long BurstableMilliCores(IEnumerable<Pod> pods) =>
        pods.Where(pod => QualityOfService.ClassOf(pod.Spec) == "Burstable").Sum(pod => PodResources.Requests(pod.Spec).GetValueOrDefault("cpu").MilliValue);
}
