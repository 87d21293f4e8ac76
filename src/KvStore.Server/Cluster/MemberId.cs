using System.Globalization;

namespace KvStore.Server.Cluster;

/// <summary>Identity of a member in its cluster; printed in hexadecimal, as etcd's tools do.</summary>
public readonly record struct MemberId(ulong Value) : IComparable<MemberId>
{
    public int CompareTo(MemberId other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString("x", CultureInfo.InvariantCulture);
}
