using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Orchestrator.Host.Machine;

/// <summary>What the shims of the node's containerd have outside of the node's folder. Those that end in order remove it; this is for the others.</summary>
/// <remarks>
/// The folders are shared by all of the machine's containerds, whatever their configuration. What is removed there is the node's own by its name:
/// <code>
/// /run/containerd/
///   s/HASH                 a shim's socket: SHA-256 of SOCKET/k8s.io/ID, where SOCKET is our containerd's own and ID a sandbox of it
///   runc/k8s.io/ID/        what runc has noted of a container: an id is a random number that nobody else has
/// </code>
/// Ids are read from containerd's folders, so a socket whose sandbox has been removed since is not found any more.
/// </remarks>
internal static class ShimFiles
{
    private const string Namespace = "k8s.io";
    private const string Machine = "/run/containerd";

    /// <summary>Removes the sockets that nobody listens on; a shim that lives keeps its own.</summary>
    public static void RemoveDeadSockets(NodePlace place)
    {
        foreach (string socket in Ids(place).SelectMany(id => SocketsOf(place, id)).Where(File.Exists))
        {
            if (IsDead(socket))
                File.Delete(socket);
        }
    }

    /// <summary>Removes all. None of the node's processes lives any more.</summary>
    public static void Remove(NodePlace place)
    {
        RemoveDeadSockets(place);
        foreach (string notes in Ids(place).Select(id => Path.Combine(Machine, "runc", Namespace, id)).Where(Directory.Exists))
            Directory.Delete(notes, recursive: true);
    }

    /// <summary>The second is what a shim that is told to debug has beside it, since containerd 2.0.</summary>
    internal static string[] SocketsOf(NodePlace place, string id)
    {
        string path = Path.Combine(place.ContainerdSocket, Namespace, id);
        return [SocketOf(path), SocketOf(Path.Combine(path, "debug"))];
    }

    private static string SocketOf(string path) =>
        Path.Combine(Machine, "s", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(path))));

    /// <summary>Of sandboxes and containers: those that run, and those that containerd remembers.</summary>
    private static HashSet<string> Ids(NodePlace place) =>
    [
        .. ((string[])
            [
                Path.Combine(place.ContainerdState, "io.containerd.runtime.v2.task", Namespace),
                Path.Combine(place.ContainerdRoot, "io.containerd.runtime.v2.task", Namespace),
                Path.Combine(place.ContainerdRoot, "io.containerd.grpc.v1.cri", "sandboxes"),
                Path.Combine(place.ContainerdRoot, "io.containerd.grpc.v1.cri", "containers"),
            ])
            .Where(Directory.Exists).SelectMany(Directory.EnumerateDirectories).Select(folder => Path.GetFileName(folder)),
    ];

    private static bool IsDead(string path)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return false;
        }
        catch (SocketException fault)
        {
            return fault.SocketErrorCode == SocketError.ConnectionRefused;
        }
    }
}
