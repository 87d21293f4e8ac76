namespace Orchestrator.Runtime.Streams;

/// <summary>The names of the remote command protocols and what each can do.</summary>
internal sealed record StreamProtocol(string Name, int Version, bool IsBase64 = false)
{
    /// <summary>In a request without any subprotocol: as the first version, whose errors are text.</summary>
    public static readonly StreamProtocol Unnamed = new("", 1);

    /// <summary>What goes over WebSocket. There are no versions 2 and 3.</summary>
    public static readonly IReadOnlyList<StreamProtocol> OverWebSocket =
    [
        new("v5.channel.k8s.io", 5),
        new("v4.channel.k8s.io", 4),
        new("v4.base64.channel.k8s.io", 4, IsBase64: true),
        new("channel.k8s.io", 1),
        new("base64.channel.k8s.io", 1, IsBase64: true),
    ];

    /// <summary>What goes over SPDY, best first.</summary>
    public static readonly IReadOnlyList<StreamProtocol> OverSpdy =
    [
        new("v5.channel.k8s.io", 5),
        new("v4.channel.k8s.io", 4),
        new("v3.channel.k8s.io", 3),
        new("v2.channel.k8s.io", 2),
        new("channel.k8s.io", 1),
    ];

    /// <summary>Errors are a Status, not text.</summary>
    public bool HasStatus => Version >= 4;

    public bool HasResize => Version >= 3 || Name.Length == 0;

    /// <summary>One channel of a WebSocket can end before the others.</summary>
    public bool HasCloseSignal => Version >= 5;

    /// <summary>The client's first choice among <paramref name="supported"/>; null when there is none.</summary>
    public static StreamProtocol? Choose(IReadOnlyList<string> offered, IReadOnlyList<StreamProtocol> supported) =>
        offered.Select(name => supported.FirstOrDefault(protocol => protocol.Name == name)).FirstOrDefault(protocol => protocol is not null);
}
