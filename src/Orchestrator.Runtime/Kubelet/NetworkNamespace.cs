using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>A network namespace that this process is not in, by its file: <c>/run/netns/NAME</c> or <c>/proc/PID/ns/net</c>.</summary>
/// <remarks>
/// A socket stays in the namespace in which it was made, whoever uses it then. So a thread of its own goes there, makes the
/// socket and ends: a pool's thread would have to come back, and one that could not would serve strangers' sockets.
/// </remarks>
public sealed class NetworkNamespace(string path)
{
    private const int CloneNewNet = 0x40000000;

    public string Path { get; } = path;

    /// <summary>Connects over TCP as a process of the namespace would.</summary>
    /// <exception cref="IOException">The namespace cannot be entered.</exception>
    /// <exception cref="SocketException">Nobody listens there.</exception>
    public async Task<Socket> ConnectAsync(IPEndPoint endpoint, CancellationToken ct)
    {
        Socket socket = await RunAsync(() => new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
        try
        {
            await socket.ConnectAsync(endpoint, ct);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>As above, with a name that this process's own resolver knows.</summary>
    public async Task<Socket> ConnectAsync(DnsEndPoint endpoint, CancellationToken ct)
    {
        IPAddress address = IPAddress.TryParse(endpoint.Host, out IPAddress? parsed) ? parsed
            : (await System.Net.Dns.GetHostAddressesAsync(endpoint.Host, ct)).First();
        return await ConnectAsync(new IPEndPoint(address, endpoint.Port), ct);
    }

    /// <summary>Runs <paramref name="make"/> on a thread that is in the namespace and ends afterwards.</summary>
    public Task<T> RunAsync<T>(Func<T> make)
    {
        var made = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                Enter();
                made.SetResult(make());
            }
            catch (Exception e)
            {
                made.SetException(e);
            }
        })
        { IsBackground = true, Name = "network namespace" };
        thread.Start();
        return made.Task;
    }

    private void Enter()
    {
        using SafeFileHandle file = File.OpenHandle(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        if (SetNamespace(file, CloneNewNet) != 0)
            throw new IOException($"cannot enter the network namespace {Path}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
    }

    [DllImport("libc", EntryPoint = "setns", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetNamespace(SafeFileHandle file, int kind);
}
