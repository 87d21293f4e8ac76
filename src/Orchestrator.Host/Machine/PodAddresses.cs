using System.Net;

namespace Orchestrator.Host.Machine;

/// <summary>Which addresses pods have, as CNI's plugin host-local notes it on the disk: a file an address, below a folder a network.</summary>
internal static class PodAddresses
{
    /// <summary>Gives back what was never given back, because the machine lost its power: no pod is there.</summary>
    /// <remarks>The one given out last stays noted: who comes next does not get an address that somebody may still be sent to.</remarks>
    public static void FreeAll(NodePlace place)
    {
        if (!Directory.Exists(place.PodAddresses))
            return;
        foreach (string file in Directory.EnumerateFiles(place.PodAddresses, "*", SearchOption.AllDirectories))
        {
            if (IPAddress.TryParse(Path.GetFileName(file), out _))
                File.Delete(file);
        }
    }
}
