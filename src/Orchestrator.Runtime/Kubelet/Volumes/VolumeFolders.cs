namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>Where a pod's volumes lie on the node, laid out as every kubelet does.</summary>
/// <remarks>
/// <code>
/// PodFiles/UID/volumes/kubernetes.io~KIND/NAME                 a volume's root
/// PodFiles/UID/volume-subpaths/NAME/CONTAINER/INDEX            what a container's mount of that index sees of a volume, bound here
/// </code>
/// All mounts of a pod lie below its folder, so that they are found again by its name.
/// </remarks>
internal sealed class VolumeFolders(string podFiles, string podUid)
{
    public string Pod { get; } = Path.Combine(podFiles, podUid);

    public string Volumes => Path.Combine(Pod, "volumes");

    public string SubPaths => Path.Combine(Pod, "volume-subpaths");

    public string Of(string kind, string name) => Path.Combine(Volumes, "kubernetes.io~" + kind, name);

    public string SubPath(string volume, string container, int index) =>
        Path.Combine(SubPaths, volume, container, index.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>The folder of all pods, made if need be, as the kernel's table of mounts names it: without links.</summary>
    public static string RootOf(ContainerSettings settings)
    {
        Directory.CreateDirectory(settings.PodFiles);
        return LinuxFiles.RealPath(settings.PodFiles);
    }
}
