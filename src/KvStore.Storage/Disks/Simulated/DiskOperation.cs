namespace KvStore.Storage.Disks.Simulated;

public enum DiskOperationKind
{
    Read,
    Create,
    Write,
    SetLength,
    Sync,
    Rename,
    Delete,
    SyncDirectory,
    CreateDirectory,
}

/// <summary>One call to a simulated disk. What changes or syncs something is numbered from 1; reads are numbered apart.</summary>
public readonly record struct DiskOperation(DiskOperationKind Kind, string Path, long Number);
