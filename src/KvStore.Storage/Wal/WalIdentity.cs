namespace KvStore.Storage.Wal;

/// <summary>Whose log it is: it stands at the head of every segment, so that files of two members never mix.</summary>
public readonly record struct WalIdentity(ulong ClusterId, ulong MemberId)
{
    public override string ToString() => $"cluster {ClusterId:x}, member {MemberId:x}";
}
