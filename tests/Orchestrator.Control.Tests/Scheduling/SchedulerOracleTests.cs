using Orchestrator.Control.Scheduling;
using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Tests.Scheduling;

/// <summary>The counts that are kept up to date against a cluster that is built anew for every decision, and the filters'
/// word against rules written down plainly.</summary>
public sealed class SchedulerOracleTests
{
    private const string Hostname = "kubernetes.io/hostname";
    private const string Zone = "topology.kubernetes.io/zone";
    private static readonly string[] Apps = ["a", "b", "c"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void A_cluster_kept_up_to_date_decides_as_one_built_anew(int seed)
    {
        var random = new Random(seed);
        var world = new World();
        var kept = new ClusterState();
        for (int step = 0; step < 600; step++)
        {
            Change(random, world, kept, step);
            var pod = RandomPod(random, $"q{step}");
            var ofKept = new Scheduler(kept, SchedulerProfile.Default(), seed: (ulong)step + 1).Schedule(PodInfo.Of(pod));
            var ofNew = new Scheduler(world.Build(), SchedulerProfile.Default(), seed: (ulong)step + 1).Schedule(PodInfo.Of(pod));

            Assert.Equal(ofNew.Node?.Name, ofKept.Node?.Name);
            Assert.Equal(ofNew.Error?.Message, ofKept.Error?.Message);
            Assert.Equal(ofNew.FeasibleCount, ofKept.FeasibleCount);
            Check(world, pod, ofKept);
            if (ofKept.Node is { } node && random.Next(2) == 0)
            {
                pod.On(node.Name);
                world.Pods.Add(pod.Metadata.Uid!, pod);
                kept.SetPod(pod);
            }
        }
    }

    private static void Change(Random random, World world, ClusterState kept, int step)
    {
        switch (random.Next(8))
        {
            case 0 or 1:
                var node = Make.Node($"n{random.Next(12)}", cpu: $"{random.Next(1, 5)}", pods: random.Next(2, 8),
                    zone: random.Next(5) == 0 ? null : $"z{random.Next(3)}");
                if (random.Next(5) == 0)
                    node.Tainted("k", "v", random.Next(2) == 0 ? "NoSchedule" : "PreferNoSchedule");
                if (random.Next(3) == 0)
                    node.With("disk", "ssd");
                world.Nodes[node.Metadata.Name!] = node;
                kept.SetNode(node);
                break;
            case 2:
                string gone = $"n{random.Next(12)}";
                world.Nodes.Remove(gone);
                kept.RemoveNode(gone);
                break;
            case 3 or 4 when world.Pods.Count > 0:
                string uid = world.Pods.Keys.ElementAt(random.Next(world.Pods.Count));
                world.Pods.Remove(uid);
                kept.RemovePod(uid);
                break;
            case 5 when world.Pods.Count > 0:
                var changed = world.Pods.Values.ElementAt(random.Next(world.Pods.Count)).DeepClone();
                if (random.Next(2) == 0)
                    changed.Metadata.DeletionTimestamp = DateTimeOffset.UnixEpoch;
                else
                    changed.Metadata.Labels = new() { ["app"] = Apps[random.Next(3)] };
                world.Pods[changed.Metadata.Uid!] = changed;
                kept.SetPod(changed);
                break;
            case 6:
                var service = new Service
                {
                    Metadata = new() { Namespace = "default", Name = $"s{random.Next(2)}" },
                    Spec = { Selector = new() { ["app"] = Apps[random.Next(3)] } },
                };
                world.Services[service.Metadata.Name!] = service;
                kept.SetService(service);
                break;
        }
    }

    private static Pod RandomPod(Random random, string name)
    {
        var pod = Make.Pod(name, cpu: random.Next(3) == 0 ? null : $"{random.Next(1, 12) * 100}m", app: Apps[random.Next(3)]);
        string key = random.Next(2) == 0 ? Hostname : Zone;
        string app = Apps[random.Next(3)];
        switch (random.Next(9))
        {
            case 0: pod.Spread(key, random.Next(1, 3), true, app); break;
            case 1: pod.Spread(key, 1, false, app).Spread(Zone, 2, random.Next(2) == 0, app); break;
            case 2: pod.AwayFrom(key, app); break;
            case 3: pod.Near(key, app); break;
            case 4: pod.RatherNear(key, app, random.Next(1, 100)).RatherAwayFrom(Zone, Apps[random.Next(3)], 50); break;
            case 5: pod.OnNodesWith("disk", "In", "ssd").Spread(Zone, 1, true, app); break;
            case 6: pod.Tolerating("k").HostPort(random.Next(80, 83)); break;
            case 7: pod.RatherOnNodesWith("disk", "ssd", 10); break;
        }
        return pod;
    }

    // Hard rules, each as its plain sentence. The chosen node fulfils all; where there is none, none does.
    private static void Check(World world, Pod pod, SchedulingResult result)
    {
        var fitting = world.Nodes.Values.Where(node => Fits(world, pod, node)).Select(node => node.Metadata.Name).ToList();
        if (result.Node is null)
            Assert.Empty(fitting);
        else
            Assert.Contains(result.Node.Name, fitting);
        Assert.Equal(fitting.Count, result.FeasibleCount);
    }

    private static bool Fits(World world, Pod pod, Node node)
    {
        var there = world.Pods.Values.Where(other => other.Spec.NodeName == node.Metadata.Name).ToList();
        long Cpu(Pod one) => one.Spec.Containers![0].Resources?.Requests?.GetValueOrDefault("cpu").MilliValue ?? 0;
        if (there.Count + 1 > node.Status.Allocatable!["pods"].Value)
            return false;
        if (Cpu(pod) > 0 && there.Sum(Cpu) + Cpu(pod) > node.Status.Allocatable["cpu"].MilliValue)
            return false;
        if ((node.Spec.Taints ?? []).Any(taint => taint.Effect == "NoSchedule") && pod.Spec.Tolerations is null)
            return false;
        if (!Selected(pod, node))
            return false;
        var ports = there.SelectMany(other => other.Spec.Containers![0].Ports ?? []).Select(port => port.HostPort);
        if ((pod.Spec.Containers![0].Ports ?? []).Any(port => ports.Contains(port.HostPort)))
            return false;
        return FitsSpread(world, pod, node) && FitsAffinity(world, pod, node);
    }

    private static bool Selected(Pod pod, Node node) =>
        pod.Spec.Affinity?.NodeAffinity?.RequiredDuringSchedulingIgnoredDuringExecution is null
        || node.Metadata.Labels!.GetValueOrDefault("disk") == "ssd";

    private static bool FitsSpread(World world, Pod pod, Node node)
    {
        var constraints = (pod.Spec.TopologySpreadConstraints ?? []).Where(one => one.WhenUnsatisfiable == "DoNotSchedule").ToList();
        foreach (var constraint in constraints)
        {
            string key = constraint.TopologyKey!;
            if (!node.Metadata.Labels!.ContainsKey(key))
                return false;
            var eligible = world.Nodes.Values.Where(other =>
                Selected(pod, other) && constraints.All(one => other.Metadata.Labels!.ContainsKey(one.TopologyKey!))).ToList();
            int Count(string value) => eligible.Where(other => other.Metadata.Labels![key] == value)
                .Sum(other => world.Pods.Values.Count(one => one.Spec.NodeName == other.Metadata.Name
                    && one.Metadata.DeletionTimestamp is null && Has(one, constraint.LabelSelector!)));
            int least = eligible.Select(other => Count(other.Metadata.Labels![key])).DefaultIfEmpty(int.MaxValue / 2).Min();
            int self = Has(pod, constraint.LabelSelector!) ? 1 : 0;
            if (Count(node.Metadata.Labels[key]) + self - least > constraint.MaxSkew)
                return false;
        }
        return true;
    }

    private static bool FitsAffinity(World world, Pod pod, Node node)
    {
        bool IsTogether(Pod other, string key) =>
            world.Nodes.TryGetValue(other.Spec.NodeName!, out var its)
            && its.Metadata.Labels!.TryGetValue(key, out string? value) && node.Metadata.Labels!.GetValueOrDefault(key) == value;
        var all = world.Pods.Values;
        foreach (var term in pod.Spec.Affinity?.PodAntiAffinity?.RequiredDuringSchedulingIgnoredDuringExecution ?? [])
        {
            if (all.Any(other => Has(other, term.LabelSelector!) && IsTogether(other, term.TopologyKey!)))
                return false;
        }
        foreach (var other in all)
        {
            foreach (var term in other.Spec.Affinity?.PodAntiAffinity?.RequiredDuringSchedulingIgnoredDuringExecution ?? [])
            {
                if (Has(pod, term.LabelSelector!) && IsTogether(other, term.TopologyKey!))
                    return false;
            }
        }
        foreach (var term in pod.Spec.Affinity?.PodAffinity?.RequiredDuringSchedulingIgnoredDuringExecution ?? [])
        {
            string key = term.TopologyKey!;
            if (!node.Metadata.Labels!.ContainsKey(key))
                return false;
            bool isFirst = Has(pod, term.LabelSelector!) && !all.Any(other => Has(other, term.LabelSelector!)
                && world.Nodes.TryGetValue(other.Spec.NodeName!, out var its) && its.Metadata.Labels!.ContainsKey(key));
            if (!isFirst && !all.Any(other => Has(other, term.LabelSelector!) && IsTogether(other, key)))
                return false;
        }
        return true;
    }

    private static bool Has(Pod pod, LabelSelector selector) =>
        pod.Metadata.Labels?.GetValueOrDefault("app") == selector.MatchLabels!["app"];

    private sealed class World
    {
        public SortedDictionary<string, Node> Nodes { get; } = [];

        public Dictionary<string, Pod> Pods { get; } = [];

        public Dictionary<string, Service> Services { get; } = [];

        public ClusterState Build()
        {
            var cluster = new ClusterState();
            foreach (var service in Services.Values)
                cluster.SetService(service);
            foreach (var node in Nodes.Values)
                cluster.SetNode(node);
            foreach (var pod in Pods.Values)
                cluster.SetPod(pod);
            return cluster;
        }
    }
}
