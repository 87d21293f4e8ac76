using System.Net;

namespace KvStore.Grpc;

internal enum SharedPortSide
{
    Tls,
    Http2,
    Http1,
}

/// <summary>Names, to Kestrel, one protocol of one listening address, since Kestrel wants an address for each.</summary>
internal sealed class SharedPortEndPoint(int index, SharedPortSide side, EndPoint address) : EndPoint
{
    /// <summary>The place of the address among the host's endpoints.</summary>
    public int Index => index;

    public SharedPortSide Side => side;

    public EndPoint Address => address;

    public override string ToString() => $"{address} ({side})";
}
