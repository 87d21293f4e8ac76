namespace KvStore.Client;

/// <summary>A lease of the cluster; 0 is none.</summary>
public readonly record struct LeaseId(long Value)
{
    public static readonly LeaseId None;

    /// <summary>Hexadecimal, as etcdctl shows it.</summary>
    public override string ToString() => Value.ToString("x", System.Globalization.CultureInfo.InvariantCulture);
}
