using System.Diagnostics;

namespace KvStore.Compatibility.Tests.Servers;

/// <summary>What a started program sees of our own environment.</summary>
internal static class ProgramEnvironment
{
    /// <summary>Takes away what would steer etcd, etcdctl or kvstore from outside the test.</summary>
    public static void Clean(ProcessStartInfo start)
    {
        foreach (string name in start.Environment.Keys.ToArray())
        {
            if (name.StartsWith("ETCD", StringComparison.Ordinal) || name.EndsWith("_proxy", StringComparison.OrdinalIgnoreCase))
                start.Environment.Remove(name);
        }
        start.Environment["TZ"] = "UTC";
    }
}
