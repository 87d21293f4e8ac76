using Orchestrator.Runtime.Kubelet.Images;

namespace Orchestrator.Host.Machine;

/// <summary>What our containerd is told, in the words of its version.</summary>
internal static class ContainerdConfiguration
{
    /// <summary>CAP_SYS_RESOURCE: without it nobody may be made less likely to be killed for memory.</summary>
    private const int ResourceCapability = 24;

    public static string Text(NodePlace place, string version, string cniPlugins) =>
        IsFirstGeneration(version) ? FirstGeneration(place, cniPlugins) : SecondGeneration(place, cniPlugins);

    /// <param name="output">Of <c>containerd --version</c>: its name, its source, the version, a commit.</param>
    public static string VersionOf(string output) => output.Split(' ', StringSplitOptions.RemoveEmptyEntries) is { Length: > 2 } words
        ? words[2].TrimStart('v')
        : throw new CommandException($"containerd does not say its version but \"{output.Trim()}\"");

    private static bool IsFirstGeneration(string version) => version.StartsWith("1.", StringComparison.Ordinal);

    private static string Common(NodePlace place) => $"""
        root = "{place.ContainerdRoot}"
        state = "{place.ContainerdState}"
        [grpc]
          address = "{place.ContainerdSocket}"
        [plugins."io.containerd.internal.v1.opt"]
          path = "{Path.Combine(place.ContainerdRoot, "opt")}"
        """;

    /// <summary>containerd 1.6 and 1.7.</summary>
    private static string FirstGeneration(NodePlace place, string cniPlugins) => $"""
        version = 2
        {Common(place)}
        [plugins."io.containerd.grpc.v1.cri"]
          sandbox_image = "{PauseImage.Name}"
          restrict_oom_score_adj = {IsRestricted()}
          netns_mounts_under_state_dir = true
          [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
            runtime_type = "io.containerd.runc.v2"
          [plugins."io.containerd.grpc.v1.cri".cni]
            bin_dir = "{cniPlugins}"
            conf_dir = "{place.CniConfigurations}"
          [plugins."io.containerd.grpc.v1.cri".registry]
            config_path = "{place.RegistryHosts}"

        """;

    /// <summary>Since 2.0 images and containers are two plugins.</summary>
    private static string SecondGeneration(NodePlace place, string cniPlugins) => $"""
        version = 3
        {Common(place)}
        [plugins."io.containerd.cri.v1.images"]
          [plugins."io.containerd.cri.v1.images".pinned_images]
            sandbox = "{PauseImage.Name}"
          [plugins."io.containerd.cri.v1.images".registry]
            config_path = "{place.RegistryHosts}"
        [plugins."io.containerd.cri.v1.runtime"]
          restrict_oom_score_adj = {IsRestricted()}
          netns_mounts_under_state_dir = true
          [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
            runtime_type = "io.containerd.runc.v2"
          [plugins."io.containerd.cri.v1.runtime".cni]
            bin_dirs = ["{cniPlugins}"]
            conf_dir = "{place.CniConfigurations}"

        """;

    private static string IsRestricted() => HasCapability(File.ReadAllLines("/proc/self/status"), ResourceCapability) ? "false" : "true";

    internal static bool HasCapability(IEnumerable<string> processStatus, int capability) =>
        processStatus.FirstOrDefault(line => line.StartsWith("CapEff:", StringComparison.Ordinal)) is { } line
        && (Convert.ToUInt64(line["CapEff:".Length..].Trim(), 16) >> capability & 1) == 1;
}
