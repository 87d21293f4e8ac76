using System.Reflection;

namespace KvStore.Server.Configuration;

/// <summary>The two versions there are: the level of etcd that clients may count on, and our own.</summary>
public static class ServerVersion
{
    /// <summary>What clients see in Status, /version and metrics. Plain X.Y.Z, because some parse it as three numbers.</summary>
    public const string Etcd = "3.6.14";

    /// <summary>Version of the cluster once it is decided.</summary>
    public const string Cluster = "3.6.0";

    /// <summary>Version of the storage, as etcd 3.6 counts it.</summary>
    public const string Storage = "3.6.0";

    /// <summary>Our own, from the assembly, without the commit behind "+".</summary>
    public static string Own { get; } = Read();

    private static string Read()
    {
        string? version = typeof(ServerVersion).Assembly
            .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
        return version is null ? "0.0.0" : version.Split('+')[0];
    }
}
