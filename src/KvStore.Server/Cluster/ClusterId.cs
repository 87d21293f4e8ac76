using System.Globalization;

namespace KvStore.Server.Cluster;

/// <summary>Identity of a cluster; printed in hexadecimal, as etcd's tools do.</summary>
public readonly record struct ClusterId(ulong Value)
{
    public override string ToString() => Value.ToString("x", CultureInfo.InvariantCulture);
}
