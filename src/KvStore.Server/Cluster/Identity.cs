using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace KvStore.Server.Cluster;

/// <summary>Ids made of what a cluster is started with, the same every time and the same as etcd's.</summary>
/// <remarks>
/// <code>
/// member id  = first 8 bytes, big-endian, of SHA-1(peer URLs in the order of their text, joined, then the token,
///              then for a member added later the Unix time in decimal seconds)
/// cluster id = the same of SHA-1(member ids in their order, 8 bytes each, big-endian)
/// </code>
/// SHA-1 stands for no security here: it spreads.
/// </remarks>
public static class Identity
{
    /// <param name="addedAt">Null for a member of the first start.</param>
    public static MemberId OfMember(IEnumerable<string> peerUrls, string token, DateTimeOffset? addedAt = null)
    {
        string joined = string.Concat(peerUrls.Order(StringComparer.Ordinal)) + token;
        if (addedAt is { } time)
            joined += time.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        return new MemberId(FirstBytes(Encoding.UTF8.GetBytes(joined)));
    }

    public static ClusterId OfCluster(IEnumerable<MemberId> members)
    {
        MemberId[] sorted = [.. members.Order()];
        byte[] bytes = new byte[sorted.Length * sizeof(ulong)];
        for (int i = 0; i < sorted.Length; i++)
            BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(i * sizeof(ulong)), sorted[i].Value);
        return new ClusterId(FirstBytes(bytes));
    }

    private static ulong FirstBytes(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[SHA1.HashSizeInBytes];
        SHA1.HashData(bytes, hash);
        return BinaryPrimitives.ReadUInt64BigEndian(hash);
    }
}
