using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Orchestrator.Runtime.Tests.ApiServer.Support;

/// <summary>A client that sends what it is told, byte by byte if need be, and reads only when asked to.</summary>
internal sealed class RawClient : IDisposable
{
    private const int SmallBuffer = 4096;

    private readonly TcpClient _tcp;
    private readonly SslStream _stream;

    private RawClient(TcpClient tcp, SslStream stream) => (_tcp, _stream) = (tcp, stream);

    public static async Task<RawClient> ConnectAsync(Uri address)
    {
        var tcp = new TcpClient { ReceiveBufferSize = SmallBuffer };
        await tcp.ConnectAsync(address.Host, address.Port);
#pragma warning disable CA5359 // The certificate is made by this test.
        var stream = new SslStream(tcp.GetStream(), leaveInnerStreamOpen: false, (_, _, _, _) => true);
#pragma warning restore CA5359
        await stream.AuthenticateAsClientAsync(address.Host);
        return new RawClient(tcp, stream);
    }

    public ValueTask SendAsync(string text) => _stream.WriteAsync(Encoding.ASCII.GetBytes(text));

    /// <summary>All that comes until the server closes the connection, in whatever way it does so.</summary>
    public async Task<string> ReadToEndAsync()
    {
        var text = new StringBuilder();
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (await _stream.ReadAsync(buffer).AsTask().WaitAsync(TimeSpan.FromSeconds(120)) is > 0 and var count)
                text.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }
        catch (IOException)
        {
            // Reset: as good an end as any.
        }
        return text.ToString();
    }

    public void Dispose()
    {
        _stream.Dispose();
        _tcp.Dispose();
    }
}
