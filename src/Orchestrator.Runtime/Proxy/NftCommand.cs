using System.Text.Json;
using Orchestrator.Control.Proxying;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Runtime.Proxy;

/// <summary>Reads and writes tables of a network namespace by <c>nft</c>.</summary>
internal sealed class NftCommand(NetworkNamespace? network)
{
    private readonly NamespaceCommand _command = new(network);

    /// <summary>Brings a transaction into force.</summary>
    /// <exception cref="ServiceProxyException">The kernel has refused it: nothing has changed.</exception>
    public async Task ApplyAsync(string transaction)
    {
        var result = await _command.RunAsync("nft", ["-f", "-"], transaction);
        if (result.ExitCode != 0)
            throw new ServiceProxyException($"nft: {result.Reason}");
    }

    /// <summary>What a table holds; null if there is no such table.</summary>
    /// <exception cref="ServiceProxyException">It cannot be read.</exception>
    public async Task<ObservedTable?> ReadAsync(IpFamily family, string table)
    {
        var result = await _command.RunAsync("nft", ["-j", "list", "table", family.Keyword(), table]);
        if (result.ExitCode != 0)
        {
            return result.Error.Contains("No such file or directory", StringComparison.Ordinal) ? null
                : throw new ServiceProxyException($"nft: {result.Reason}");
        }
        try
        {
            return ObservedTable.Parse(result.Output);
        }
        catch (JsonException e)
        {
            throw new ServiceProxyException($"nft prints what cannot be read: {e.Message}");
        }
    }

    /// <summary>Deletes a table, where there is one.</summary>
    public Task DeleteAsync(IpFamily family, string table) =>
        ApplyAsync($"add table {family.Keyword()} {table}\ndelete table {family.Keyword()} {table}\n");
}
