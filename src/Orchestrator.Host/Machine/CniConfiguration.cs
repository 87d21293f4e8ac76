using System.Text.Json.Nodes;

namespace Orchestrator.Host.Machine;

/// <summary>How a node's pods get their network: a bridge, addresses of the node's own range, ports of the node.</summary>
internal static class CniConfiguration
{
    private const string FileName = "10-orchestrator.conflist";

    /// <summary>Where distributions put the standard plugins; the first that is there.</summary>
    private static readonly string[] PluginFolders = ["/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"];

    private static readonly string[] Needed = ["bridge", "host-local", "loopback", "portmap"];

    /// <returns>Null if no folder has all that is needed.</returns>
    public static string? FindPlugins() =>
        Array.Find(PluginFolders, folder => Array.TrueForAll(Needed, plugin => File.Exists(Path.Combine(folder, plugin))));

    /// <summary>Written whole or not at all: the runtime reads it when it appears.</summary>
    public static void Write(NodePlace place, INodeNetwork network, string podCidr)
    {
        string file = Path.Combine(place.CniConfigurations, FileName);
        string text = Text(place, network, podCidr);
        if (File.Exists(file) && File.ReadAllText(file) == text)
            return;
        File.WriteAllText(file + ".new", text);
        File.Move(file + ".new", file, overwrite: true);
    }

    internal static string Text(NodePlace place, INodeNetwork network, string podCidr) => new JsonObject
    {
        ["cniVersion"] = "0.4.0",
        ["name"] = network.CniNetwork,
        ["plugins"] = new JsonArray(
            new JsonObject
            {
                ["type"] = "bridge",
                ["bridge"] = network.Bridge,
                ["isGateway"] = true,
                ["hairpinMode"] = true,
                ["ipam"] = new JsonObject
                {
                    ["type"] = "host-local",
                    ["dataDir"] = place.PodAddresses,
                    ["ranges"] = new JsonArray(new JsonArray(new JsonObject { ["subnet"] = podCidr })),
                    ["routes"] = new JsonArray(new JsonObject { ["dst"] = "0.0.0.0/0" }),
                },
            },
            new JsonObject { ["type"] = "portmap", ["capabilities"] = new JsonObject { ["portMappings"] = true } }),
    }.ToJsonString();
}
