namespace KvStore.Mvcc.Leases;

/// <summary>A client's lease; negative ids are valid, 0 is none.</summary>
public readonly record struct LeaseId(long Value)
{
    public static readonly LeaseId None;
}
