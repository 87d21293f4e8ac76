using System.Text;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Volumes;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>The files of the node that a pod's containers see beside their images and volumes: names of hosts, last words.</summary>
/// <remarks>
/// <code>
/// PodFiles/UID/etc-hosts                       /etc/hosts of all containers but those in the node's network
/// PodFiles/UID/containers/NAME/ATTEMPT         terminationMessagePath of one life of a container
/// </code>
/// </remarks>
internal sealed class PodFiles(ContainerSettings settings, Pod pod)
{
    private const string DefaultMessagePath = "/dev/termination-log";
    private const string HostsPath = "/etc/hosts";

    private string Folder => Path.Combine(settings.PodFiles, pod.Uid);

    /// <summary>Writes what the container is about to need.</summary>
    public ContainerConfig AddTo(ContainerConfig config, PodContainer container, string ip)
    {
        string messagePath = container.Spec.TerminationMessagePath is { Length: > 0 } path ? path : DefaultMessagePath;
        List<ContainerMount> mounts = [.. config.Mounts, new ContainerMount(MakeMessageFile(config), messagePath)];
        if (pod.Spec.HostNetwork != true && !mounts.Exists(mount => mount.ContainerPath == HostsPath))
            mounts.Add(new ContainerMount(WriteHosts(ip), HostsPath));
        return config with
        {
            Mounts = mounts,
            Annotations = new Dictionary<string, string>(config.Annotations) { [CriAnnotations.TerminationMessagePath] = messagePath },
        };
    }

    /// <summary>The pod is gone and its containers with it.</summary>
    public void Remove()
    {
        settings.Mounts.RemoveTree(Path.Combine(VolumeFolders.RootOf(settings), pod.Uid));
        Delete(Path.Combine(settings.PodLogs, $"{pod.Namespace}_{pod.Name}_{pod.Uid}"));
    }

    /// <summary>Deletes the logs of pods that are no more.</summary>
    /// <param name="isKnown">Whether there is a pod of a uid; asked after its folder was seen.</param>
    public static void RemoveOrphanedLogs(ContainerSettings settings, Func<string, bool> isKnown)
    {
        if (!Directory.Exists(settings.PodLogs))
            return;
        foreach (string folder in Directory.GetDirectories(settings.PodLogs))
        {
            string[] parts = Path.GetFileName(folder).Split('_');
            if (parts.Length == 3 && !isKnown(parts[2]))
                Delete(folder);
        }
    }

    private static void Delete(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // It never came to anything.
        }
    }

    private string MakeMessageFile(ContainerConfig config)
    {
        string folder = Path.Combine(Folder, "containers", config.Name);
        Directory.CreateDirectory(folder);
        string file = Path.Combine(folder, config.Attempt.ToString(System.Globalization.CultureInfo.InvariantCulture));
        File.WriteAllText(file, "");
        if (!OperatingSystem.IsWindows())
            // Whoever the container runs as may write it.
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite
                | UnixFileMode.OtherRead | UnixFileMode.OtherWrite);
        return file;
    }

    private string WriteHosts(string ip)
    {
        Directory.CreateDirectory(Folder);
        string file = Path.Combine(Folder, "etc-hosts");
        var text = new StringBuilder("# Kubernetes-managed hosts file.\n")
            .Append("127.0.0.1\tlocalhost\n")
            .Append("::1\tlocalhost ip6-localhost ip6-loopback\n")
            .Append("fe00::0\tip6-localnet\n")
            .Append("fe00::0\tip6-mcastprefix\n")
            .Append("fe00::1\tip6-allnodes\n")
            .Append("fe00::2\tip6-allrouters\n");
        if (ip.Length > 0)
            text.Append(ip).Append('\t').Append(OwnNames(SandboxConfigs.Hostname(pod))).Append('\n');
        if (pod.Spec.HostAliases is { Count: > 0 } aliases)
        {
            text.Append("\n# Entries added by HostAliases.\n");
            foreach (HostAlias alias in aliases)
                text.Append(alias.Ip).Append('\t').AppendJoin('\t', alias.Hostnames.OrEmpty()).Append('\n');
        }
        File.WriteAllText(file, text.ToString());
        return file;
    }

    /// <summary>With a subdomain, a pod has its whole name too, and that comes first.</summary>
    private string OwnNames(string hostname) => string.IsNullOrEmpty(pod.Spec.Subdomain)
        ? hostname
        : $"{hostname}.{pod.Spec.Subdomain}.{pod.Namespace}.svc.{settings.ClusterDomain}\t{hostname}";
}
