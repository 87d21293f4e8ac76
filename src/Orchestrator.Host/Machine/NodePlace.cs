using System.Security.Cryptography;
using System.Text;
using Orchestrator.Host.Profiles;

namespace Orchestrator.Host.Machine;

/// <summary>Where a cluster's node is on the machine, and what its things are called: nothing of anybody else's bears these names.</summary>
/// <remarks>
/// <code>
/// DATA/node/               0700
///   containerd.toml        what our containerd is told, written anew at each start
///   containerd.sock        its API
///   containerd.pid         the process, and when it began
///   containerd/            its images and containers
///   state/                 of the containers that run
///   cni/ ipam/             how pods get their network, and which addresses are taken
///   certs.d/               mirrors of registries
///   pods/ pod-logs/        files and logs of pods
///   volumes/               a folder for each volume of the class local-path
///   network.was            what the machine's settings were before a node in its own network
///   forwarding.was         what the machine's forwarding of packets was before the node
/// </code>
/// </remarks>
internal sealed class NodePlace
{
    private const int IdBytes = 4;

    private NodePlace(string dataDirectory, string clusterName)
    {
        Directory = Path.Combine(dataDirectory, "node");
        // Clusters of the same name may live in several places.
        Id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(dataDirectory)).AsSpan(0, IdBytes));
        Name = $"orchestrator-{clusterName}-{Id}";
    }

    public string Directory { get; }

    /// <summary>Of the network namespace, the cgroup, and the table of rules on the machine.</summary>
    public string Name { get; }

    /// <summary>The machine's end of the link to the node; a name of at most 15 characters.</summary>
    public string HostLink => "orc" + Id;

    /// <summary>The bridge of pods in the machine's own network; a name of at most 15 characters.</summary>
    public string PodBridge => "ocb" + Id;

    /// <summary>As CNI's plugins note it down in the machine's own network.</summary>
    public string CniNetwork => "orchestrator-" + Id;

    public string NamespaceFile => "/run/netns/" + Name;

    public string Cgroup => "/" + Name;

    public string ContainerdSocket => At("containerd.sock");

    public string ContainerdConfiguration => At("containerd.toml");

    public string ContainerdProcessId => At("containerd.pid");

    public string ContainerdRoot => At("containerd");

    /// <summary>What its containers and images are.</summary>
    public string ContainerdDatabase => Path.Combine(ContainerdRoot, "io.containerd.metadata.v1.bolt", "meta.db");

    /// <summary>What its containers' files consist of.</summary>
    public string ContainerdSnapshots => Path.Combine(ContainerdRoot, "io.containerd.snapshotter.v1.overlayfs", "metadata.db");

    public string ContainerdState => At("state");

    public string CniConfigurations => At("cni");

    public string PodAddresses => At("ipam");

    public string RegistryHosts => At("certs.d");

    public string PodFiles => At("pods");

    public string Volumes => At("volumes");

    public string PodLogs => At("pod-logs");

    public string HostNetworkBefore => At("network.was");

    public string ForwardingBefore => At("forwarding.was");

    private string Id { get; }

    public static NodePlace Of(Profile profile) => new(profile.Directory, profile.Name);

    public static NodePlace Of(string dataDirectory, string clusterName) => new(dataDirectory, clusterName);

    private string At(string name) => Path.Combine(Directory, name);
}
