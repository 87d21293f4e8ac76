using System.Net.Sockets;

namespace KvStore.Grpc.Tests;

public class HttpFailureTests
{
    [Fact]
    public void A_sockets_own_exception_is_a_connection_that_is_not_there()
    {
        // SocketsHttpHandler asks a new connection for its peer's address, and throws this when the peer is gone by then.
        var gone = new SocketException((int)SocketError.NotConnected);

        Assert.True(HttpFailure.IsOne(gone));
        var status = HttpFailure.StatusOf(gone, new Uri("http://127.0.0.1:2379"));
        Assert.Equal(StatusCode.Unavailable, status.StatusCode);
        Assert.Same(gone, status.DebugException);
    }
}
