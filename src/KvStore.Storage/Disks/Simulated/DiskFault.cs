namespace KvStore.Storage.Disks.Simulated;

/// <summary>What goes wrong with one operation of a simulated disk.</summary>
public enum DiskFault
{
    None,

    /// <summary>
    /// The process dies within the operation: it reaches the cache, and what of it reaches the device is chance.
    /// </summary>
    Crash,

    /// <summary>
    /// The operation fails with an <see cref="IOException"/>; of a write the first half is done, as devices do.
    /// </summary>
    IoError,

    /// <summary>The operation fails with a <see cref="DiskFullException"/>; of a write the first half is done.</summary>
    DiskFull,

    /// <summary>A sync does nothing and says that all is well, as broken devices do.</summary>
    Lie,
}
