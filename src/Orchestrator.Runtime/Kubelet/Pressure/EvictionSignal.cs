namespace Orchestrator.Runtime.Kubelet.Pressure;

/// <summary>What a node may run out of.</summary>
public enum EvictionSignal
{
    MemoryAvailable,

    /// <summary>Bytes of the file system that pods' volumes and logs lie on.</summary>
    NodeDiskAvailable,
    NodeInodesFree,

    /// <summary>Bytes of the file system that images and containers' own layers lie on.</summary>
    ImageDiskAvailable,
    ImageInodesFree,
    PidAvailable,
}

/// <summary>What signals are called, what is short when they are low, and what the node then says of itself.</summary>
public static class EvictionSignals
{
    public const string MemoryPressure = "MemoryPressure";
    public const string DiskPressure = "DiskPressure";
    public const string PidPressure = "PIDPressure";

    internal const string Memory = "memory";
    internal const string Storage = "ephemeral-storage";
    internal const string Inodes = "inodes";
    internal const string Pids = "pids";

    private static readonly Dictionary<EvictionSignal, (string Name, string Resource, string Condition)> Table = new()
    {
        [EvictionSignal.MemoryAvailable] = ("memory.available", Memory, MemoryPressure),
        [EvictionSignal.NodeDiskAvailable] = ("nodefs.available", Storage, DiskPressure),
        [EvictionSignal.NodeInodesFree] = ("nodefs.inodesFree", Inodes, DiskPressure),
        [EvictionSignal.ImageDiskAvailable] = ("imagefs.available", Storage, DiskPressure),
        [EvictionSignal.ImageInodesFree] = ("imagefs.inodesFree", Inodes, DiskPressure),
        [EvictionSignal.PidAvailable] = ("pid.available", Pids, PidPressure),
    };

    /// <summary>All names, as flags have them.</summary>
    public static IEnumerable<string> Names => Table.Values.Select(entry => entry.Name);

    public static string NameOf(EvictionSignal signal) => Table[signal].Name;

    /// <summary>The condition of a node that lacks it.</summary>
    public static string ConditionOf(EvictionSignal signal) => Table[signal].Condition;

    internal static string ResourceOf(EvictionSignal signal) => Table[signal].Resource;

    internal static EvictionSignal? Find(string name) =>
        Table.Where(entry => entry.Value.Name == name).Select(entry => (EvictionSignal?)entry.Key).FirstOrDefault();
}
