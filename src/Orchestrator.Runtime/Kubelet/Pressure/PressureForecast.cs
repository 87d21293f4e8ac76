using System.Globalization;
using Orchestrator.Runtime.Kubelet.Volumes;

namespace Orchestrator.Runtime.Kubelet.Pressure;

/// <summary>Whether a node would be under pressure of its disk from its first look on.</summary>
public static class PressureForecast
{
    /// <param name="folder">Where its pods and images are to lie; it need not be there yet.</param>
    /// <returns>What is short and which threshold says so; null: nothing.</returns>
    public static string? Of(string folder, IReadOnlyList<EvictionThreshold> thresholds)
    {
        while (!Directory.Exists(folder))
            folder = Path.GetDirectoryName(folder) ?? "/";
        FilesystemSpace space = LinuxFiles.SpaceAt(folder);
        return Of(folder, thresholds, new SignalValue(space.AvailableBytes, space.CapacityBytes), new SignalValue(space.FreeInodes, space.Inodes));
    }

    internal static string? Of(string folder, IReadOnlyList<EvictionThreshold> thresholds, SignalValue bytes, SignalValue inodes)
    {
        var values = new Dictionary<EvictionSignal, SignalValue>
        {
            [EvictionSignal.NodeDiskAvailable] = bytes,
            [EvictionSignal.ImageDiskAvailable] = bytes,
            [EvictionSignal.NodeInodesFree] = inodes,
            [EvictionSignal.ImageInodesFree] = inodes,
        };
        if (NodePressure.Met(thresholds, new NodeSignals(values, HasImageDisk: false)) is not [EvictionThreshold threshold, ..])
            return null;
        SignalValue value = values[threshold.Signal];
        string what = value == inodes ? "inodes" : "bytes";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"only {100.0 * value.Available / value.Capacity:0.#} % of the disk's {what} are free below {folder}, and with {threshold} the node has DiskPressure: it takes no pods and evicts those it has");
    }
}
