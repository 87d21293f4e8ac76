using System.Text.Json;

namespace Orchestrator.Control.Proxying;

/// <summary>What the kernel holds, as far as it can be told from what we have written: names, rules by their comments, elements.</summary>
public sealed class ObservedTable
{
    /// <summary>The comments of each chain's rules, in order; "" for a rule without.</summary>
    public Dictionary<string, List<string>> Chains { get; } = [];

    public Dictionary<string, ObservedSet> Sets { get; } = [];

    /// <summary>Reads what <c>nft -j list table</c> prints.</summary>
    /// <exception cref="JsonException">It prints something else.</exception>
    public static ObservedTable Parse(string json)
    {
        using var document = JsonDocument.Parse(json);
        var table = new ObservedTable();
        if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("nftables", out var items))
            throw new JsonException("no list of nftables");
        foreach (var item in items.EnumerateArray())
        {
            if (item.TryGetProperty("chain", out var chain))
                table.Chains.TryAdd(Name(chain), []);
            else if (item.TryGetProperty("rule", out var rule))
                table.Comments(rule.GetProperty("chain").GetString()!).Add(Text(rule, "comment"));
            else if (item.TryGetProperty("set", out var set))
                table.Sets[Name(set)] = ObservedSet.Parse(set, isMap: false);
            else if (item.TryGetProperty("map", out var map))
                table.Sets[Name(map)] = ObservedSet.Parse(map, isMap: true);
        }
        return table;
    }

    /// <summary>The first thing that is not as it shall be; null if all is.</summary>
    /// <param name="leftovers">Chains that may be there as long as they are empty.</param>
    public string? FirstDifference(NftTable wanted, IReadOnlyCollection<string> leftovers)
    {
        foreach (var chain in wanted.Chains.Values)
        {
            if (!Chains.TryGetValue(chain.Name, out var comments))
                return $"chain {chain.Name} is missing";
            if (!chain.Rules.Select(rule => rule.Comment).SequenceEqual(comments))
                return $"chain {chain.Name} has other rules";
        }
        foreach (var (name, comments) in Chains)
        {
            if (!wanted.Chains.ContainsKey(name) && (comments.Count > 0 || !leftovers.Contains(name)))
                return $"chain {name} is not ours";
        }
        foreach (var set in wanted.Sets.Values)
        {
            if (!Sets.TryGetValue(set.Name, out var found) || found.IsMap != set.IsMap)
                return $"{set.Kind} {set.Name} is missing";
            if (!set.IsFilledByRules && !found.HasElementsOf(set))
                return $"{set.Kind} {set.Name} has other elements";
        }
        return Sets.Keys.FirstOrDefault(name => !wanted.Sets.ContainsKey(name)) is { } stranger ? $"set {stranger} is not ours" : null;
    }

    private List<string> Comments(string chain)
    {
        if (!Chains.TryGetValue(chain, out var comments))
            Chains.Add(chain, comments = []);
        return comments;
    }

    private static string Name(JsonElement item) => item.GetProperty("name").GetString()!;

    private static string Text(JsonElement item, string property) =>
        item.TryGetProperty(property, out var value) ? value.GetString() ?? "" : "";
}
