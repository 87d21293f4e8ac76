using System.Collections.Concurrent;
using KvStore.Grpc;
using V1 = Orchestrator.Cri.V1;

namespace Orchestrator.Runtime.Kubelet.Cri.Grpc;

/// <summary>The addresses of sandboxes, which lists leave out. A sandbox keeps its own as long as it is ready.</summary>
internal sealed class SandboxAddresses(CriConnection connection)
{
    private readonly ConcurrentDictionary<string, string> _known = new();

    /// <returns>Empty in the node's network, and when the sandbox is gone again.</returns>
    public async Task<string> OfAsync(string sandboxId, CancellationToken ct)
    {
        if (_known.TryGetValue(sandboxId, out string? known))
            return known;
        try
        {
            var request = new V1.PodSandboxStatusRequest { PodSandboxId = sandboxId };
            V1.PodSandboxStatus status = (await connection.CallAsync(CriMethods.PodSandboxStatus, request, ct)).Status;
            bool isOfNode = status.Linux?.Namespaces?.Options?.Network == V1.NamespaceMode.Node;
            return _known[sandboxId] = isOfNode ? "" : status.Network?.Ip ?? "";
        }
        catch (CriException e) when (e.Code == StatusCode.NotFound)
        {
            return "";
        }
    }

    /// <summary>Forgets all others.</summary>
    public void KeepOnly(IEnumerable<string> ids)
    {
        HashSet<string> kept = [.. ids];
        foreach (string id in _known.Keys.Where(id => !kept.Contains(id)))
            _known.TryRemove(id, out _);
    }
}
