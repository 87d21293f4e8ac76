namespace Orchestrator.Control.Proxying;

/// <summary>A rule as <c>nft</c> reads it, and what it is for: rules are recognised in the kernel by these comments.</summary>
public sealed record NftRule(string Text, string Comment);

/// <summary>An element of a set, or with a value of a map.</summary>
/// <param name="Value">Of a map: a verdict, <c>goto CHAIN</c> or <c>drop</c>.</param>
public sealed record NftElement(string? Value = null, string? Comment = null);

/// <summary>A list of rules.</summary>
/// <param name="Hook">Where the kernel enters it, <c>type nat hook prerouting priority -100</c>; null: rules lead to it.</param>
public sealed record NftChain(string Name, IReadOnlyList<NftRule> Rules, string? Hook = null)
{
    public bool Equals(NftChain? other) =>
        ReferenceEquals(this, other)
        || (other is not null && Name == other.Name && Hook == other.Hook && Rules.SequenceEqual(other.Rules));

    public override int GetHashCode() => HashCode.Combine(Name, Hook, Rules.Count);
}

/// <summary>A set of addresses and ports, or a map from them to verdicts.</summary>
/// <param name="specification">Its type and flags, each with a semicolon after it.</param>
/// <param name="isFilledByRules">Packets put elements into it: what is in it is the kernel's, not ours.</param>
public sealed class NftSet(string name, string specification, bool isMap, bool isFilledByRules = false)
{
    public string Name => name;

    public string Specification => specification;

    public bool IsMap => isMap;

    public bool IsFilledByRules => isFilledByRules;

    public Dictionary<string, NftElement> Elements { get; } = [];

    /// <summary>What <c>nft</c> calls it.</summary>
    public string Kind => IsMap ? "map" : "set";

    public bool HasSameForm(NftSet other) =>
        Name == other.Name && Specification == other.Specification && IsMap == other.IsMap && IsFilledByRules == other.IsFilledByRules;
}

/// <summary>What a table is to hold: a value that is compared with another and written as one transaction.</summary>
/// <remarks>Not changed any more once it is handed out; chains are shared between a table and the next one.</remarks>
public sealed class NftTable(IpFamily family, string name, string comment)
{
    public IpFamily Family => family;

    public string Name => name;

    public string Comment => comment;

    public Dictionary<string, NftChain> Chains { get; } = [];

    public Dictionary<string, NftSet> Sets { get; } = [];

    /// <summary>How many rules there are in all chains.</summary>
    public int RuleCount => Chains.Values.Sum(chain => chain.Rules.Count);

    public void Add(NftChain chain) => Chains.Add(chain.Name, chain);

    public void Add(NftSet set) => Sets.Add(set.Name, set);
}
