using Microsoft.Extensions.Logging;
using Orchestrator.Control.Proxying;
using Orchestrator.Runtime.Proxy.Netfilter;

namespace Orchestrator.Runtime.Proxy;

/// <summary>Keeps one table of the kernel as it shall be: by differences as long as the kernel holds what we have put there, as a
/// whole otherwise.</summary>
/// <remarks>One caller at a time.</remarks>
internal sealed class TableKeeper(IpFamily family, string name, NftCommand nft, ForeignChanges others, TimeProvider clock, ILogger log)
{
    // When a chain that nothing leads to any more may go (see NftTransaction.StaleChains).
    private static readonly TimeSpan StaleTime = TimeSpan.FromSeconds(1);

    // Comparing takes at most this share of the time, however often others change their own tables.
    private const int CheckShare = 20;

    private readonly Dictionary<string, long> _stale = [];

    // What the kernel holds; null: unknown, the next transaction takes nothing for granted.
    private NftTable? _applied;

    // The count of foreign changes up to which the table is known to be ours.
    private long _trusted;
    private long _nextCheck;

    public IpFamily Family => family;

    public int RuleCount => _applied?.RuleCount ?? 0;

    /// <summary>Of the last transaction that changed something, as a whole or not.</summary>
    public int LastTransactionBytes { get; private set; }

    /// <summary>How often the whole table was written.</summary>
    public int WholeCount { get; private set; }

    /// <summary>How often what had changed was written.</summary>
    public int DifferenceCount { get; private set; }

    /// <summary>Makes the table this one.</summary>
    /// <exception cref="ServiceProxyException">The kernel refuses it also as a whole; the next call tries again.</exception>
    public async Task ApplyAsync(NftTable table)
    {
        if (_applied is null)
        {
            await ReplaceAsync(table);
            return;
        }
        var transaction = NftDifference.Between(_applied, table);
        if (transaction.IsEmpty)
        {
            _applied = table;
            return;
        }
        try
        {
            await RunAsync(transaction, table);
            DifferenceCount++;
        }
        catch (ServiceProxyException e)
        {
            log.LogWarning("table {Table} is not as it was left, it is written anew: {Reason}", name, e.Message);
            await ReplaceAsync(table);
        }
    }

    /// <summary>Looks whether somebody else has changed the table, and undoes it; deletes what is not needed any more.</summary>
    /// <param name="isFull">Compare everything, whether or not anybody has changed anything.</param>
    /// <exception cref="ServiceProxyException">What was found wrong could not be put right.</exception>
    public async Task CheckAsync(bool isFull)
    {
        if (_applied is not { } wanted)
            return;
        others.Look();
        if (isFull || (_trusted != others.Count && clock.GetTimestamp() >= _nextCheck))
            await CompareAsync(wanted);
        await DeleteStaleAsync(wanted);
    }

    public async Task RemoveAsync()
    {
        _applied = null;
        _stale.Clear();
        await others.StepAsync(() => nft.DeleteAsync(family, name));
    }

    private async Task CompareAsync(NftTable wanted)
    {
        long begin = clock.GetTimestamp();
        long count = others.Count;
        var found = await nft.ReadAsync(family, name);
        _nextCheck = clock.GetTimestamp() + (clock.GetTimestamp() - begin) * CheckShare;
        if ((found is null ? "it is gone" : found.FirstDifference(wanted, _stale.Keys)) is { } difference)
        {
            log.LogWarning("table {Table} was changed by somebody else, it is written anew: {Difference}", name, difference);
            await ReplaceAsync(wanted);
            return;
        }
        _trusted = count;
    }

    private async Task DeleteStaleAsync(NftTable wanted)
    {
        List<string> due = [.. _stale.Where(chain => clock.GetElapsedTime(chain.Value) >= StaleTime).Select(chain => chain.Key)];
        foreach (string chain in due)
            _stale.Remove(chain);
        due.RemoveAll(wanted.Chains.ContainsKey);
        if (due.Count == 0)
            return;
        try
        {
            await others.StepAsync(() => nft.ApplyAsync(NftDifference.Deleting(wanted, due)));
        }
        catch (ServiceProxyException e)
        {
            log.LogWarning("chains without use could not be deleted from table {Table}: {Reason}", name, e.Message);
            _trusted = -1;
        }
    }

    private async Task ReplaceAsync(NftTable table)
    {
        _applied = null;
        _stale.Clear();
        others.Look();
        long count = others.Count;
        var found = await nft.ReadAsync(family, name);
        if (found is null || !await AdoptAsync(found, table))
            await RunAsync(NftDifference.Whole(table), table);
        _trusted = count;
        WholeCount++;
    }

    private async Task<bool> AdoptAsync(ObservedTable found, NftTable table)
    {
        try
        {
            await RunAsync(NftDifference.Adopting(found, table), table);
            return true;
        }
        catch (ServiceProxyException e)
        {
            log.LogWarning("what is in table {Table} cannot be built on, it is replaced: {Reason}", name, e.Message);
            return false;
        }
    }

    private async Task RunAsync(NftTransaction transaction, NftTable table)
    {
        await others.StepAsync(() => nft.ApplyAsync(transaction.Text));
        _applied = table;
        LastTransactionBytes = transaction.Text.Length;
        foreach (string chain in transaction.StaleChains)
            _stale[chain] = clock.GetTimestamp();
    }
}
