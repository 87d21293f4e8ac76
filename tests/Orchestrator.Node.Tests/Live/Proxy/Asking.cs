using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Node.Tests.Live.Proxy;

/// <summary>Clients of <see cref="EchoServer"/>s.</summary>
internal static class Asking
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>One connection; what the server says, or "refused".</summary>
    public static async Task<string> AskAsync(this NetworkNamespace network, string address, int port)
    {
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            using var socket = await network.ConnectAsync(new IPEndPoint(IPAddress.Parse(address), port), limit.Token);
            byte[] buffer = new byte[1000];
            int length = 0;
            while (await socket.ReceiveAsync(buffer.AsMemory(length), limit.Token) is var read and > 0)
                length += read;
            return Encoding.ASCII.GetString(buffer, 0, length);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return "refused";
        }
    }

    /// <summary>Asks so often that chance cannot hide one of a few endpoints (one run in 10^10 for three).</summary>
    public static async Task<IReadOnlySet<string>> AskOftenAsync(this NetworkNamespace network, string address, int port)
    {
        var answers = new HashSet<string>();
        for (int i = 0; i < 60; i++)
            answers.Add(await network.AskAsync(address, port));
        return answers;
    }

    /// <summary>Whether a connection gets no answer for a while: neither yes nor no.</summary>
    public static async Task<bool> IsSilentAsync(this NetworkNamespace network, string address, int port)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(700));
        try
        {
            using var socket = await network.ConnectAsync(new IPEndPoint(IPAddress.Parse(address), port), limit.Token);
            return false;
        }
        catch (OperationCanceledException)
        {
            return true;
        }
    }

    /// <summary>A socket for datagrams, always from the same port.</summary>
    public static Task<Socket> ConversationAsync(this NetworkNamespace network, string address, int port) => network.RunAsync(() =>
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Connect(new IPEndPoint(IPAddress.Parse(address), port));
        return socket;
    });

    /// <summary>Asks and waits a moment; "" if nobody answers, "refused" if that is said.</summary>
    public static async Task<string> AskAsync(this Socket conversation)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(500));
        byte[] buffer = new byte[100];
        try
        {
            await conversation.SendAsync("?"u8.ToArray(), limit.Token);
            return Encoding.ASCII.GetString(buffer, 0, await conversation.ReceiveAsync(buffer, limit.Token));
        }
        catch (OperationCanceledException)
        {
            return "";
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return "refused";
        }
    }

    /// <summary>Waits until something is so.</summary>
    public static async Task UntilAsync(Func<Task<bool>> holds, string what)
    {
        long began = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience, $"never so: {what}");
            await Task.Delay(20);
        }
    }
}
