using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Orchestrator.Runtime.Streams;

/// <summary>What a port-forward request names.</summary>
/// <param name="Pod">As error texts name it: <c>name_namespace</c>.</param>
/// <param name="Uid">The pod's, for error texts.</param>
/// <param name="Ports">Only WebSocket channels name the ports in the request; elsewhere each connection names its own.</param>
public sealed record PortForwardRequest(string Pod, string Uid, IReadOnlyList<int> Ports)
{
    /// <summary>Reads the API's <c>ports</c> and the kubelet's <c>port</c>; several may stand in one, with commas.</summary>
    /// <returns>Null with a text for the client when one is no port.</returns>
    public static PortForwardRequest? FromQuery(string pod, string uid, IQueryCollection query, out string error)
    {
        var ports = new List<int>();
        error = "";
        foreach (string? value in query["ports"].Concat(query["port"]))
        {
            foreach (string text in (value ?? "").Split(','))
            {
                if (!ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
                    error = $"unable to parse \"{text}\" as a port";
                else if (port == 0)
                    error = $"port \"{text}\" must be > 0";
                else
                    ports.Add(port);
            }
        }
        return error.Length == 0 ? new PortForwardRequest(pod, uid, ports) : null;
    }
}

/// <summary>Connects to a port of the pod and carries the bytes of one connection; returns when both directions have ended.</summary>
/// <param name="connection">The client's side. Disposing it is the caller's.</param>
/// <param name="disconnected">The client is gone.</param>
/// <remarks>An exception's text is told to the client as the reason.</remarks>
public delegate Task PortForwardHandler(int port, DuplexStream connection, CancellationToken disconnected);
