using System.Net;
using System.Net.Sockets;
using System.Text;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Streams;

namespace Orchestrator.Runtime.Tests.Nodes;

public sealed class PodPortTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_connection_is_joined_with_one_to_the_port_until_both_have_ended()
    {
        using var pod = new TcpListener(IPAddress.Loopback, 0);
        pod.Start();
        var (client, served) = await PairAsync();
        await using var ours = client;
        await using var theirs = served;

        Task joined = PodPort.JoinAsync("127.0.0.1", ((IPEndPoint)pod.LocalEndpoint).Port, theirs, CancellationToken.None);
        using Socket accepted = await pod.AcceptSocketAsync().WaitAsync(Patience);
        await ours.WriteAsync("ping"u8.ToArray());
        await ours.CompleteWritesAsync();
        string asked = await ReadToEndAsync(accepted);
        await accepted.SendAsync("pong"u8.ToArray());
        accepted.Shutdown(SocketShutdown.Send);
        using var reader = new StreamReader(ours, leaveOpen: true);
        string answer = await reader.ReadToEndAsync().WaitAsync(Patience);
        await joined.WaitAsync(Patience);

        Assert.Equal(("ping", "pong"), (asked, answer));
    }

    [Fact]
    public async Task Where_nobody_listens_the_address_is_named()
    {
        using var pod = new TcpListener(IPAddress.Loopback, 0);
        pod.Start();
        int port = ((IPEndPoint)pod.LocalEndpoint).Port;
        pod.Stop();
        var (client, served) = await PairAsync();
        await using var ours = client;
        await using var theirs = served;

        var refusal = await Assert.ThrowsAsync<CriException>(() => PodPort.JoinAsync("127.0.0.1", port, theirs, CancellationToken.None));

        Assert.StartsWith($"dial tcp 127.0.0.1:{port}: ", refusal.Message);
    }

    private static async Task<(SocketStream Client, SocketStream Served)> PairAsync()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var accepting = listener.AcceptSocketAsync();
        var client = await SocketStream.ConnectAsync(listener.LocalEndpoint, CancellationToken.None);
        return (client, new SocketStream(await accepting));
    }

    private static async Task<string> ReadToEndAsync(Socket socket)
    {
        var text = new StringBuilder();
        var buffer = new byte[256];
        for (int count; (count = await socket.ReceiveAsync(buffer.AsMemory()).AsTask().WaitAsync(Patience)) > 0;)
            text.Append(Encoding.ASCII.GetString(buffer, 0, count));
        return text.ToString();
    }
}
