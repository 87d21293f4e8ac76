namespace Orchestrator.Control.Proxying;

/// <summary>What <c>nft -f -</c> is given: it comes into force as a whole or not at all.</summary>
/// <param name="Text">Empty: nothing has changed.</param>
/// <param name="StaleChains">
/// Chains that it empties and that nothing leads to any more. They are deleted later (<see cref="NftDifference.Deleting"/>):
/// kernels before 6.2 notice only a moment after an element is gone that its chain is free, and would refuse the whole.
/// </param>
public sealed record NftTransaction(string Text, IReadOnlyList<string> StaleChains)
{
    public bool IsEmpty => Text.Length == 0;
}
