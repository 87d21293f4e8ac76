using System.Text;

namespace Orchestrator.Control.Proxying;

/// <summary>Turns one table into another, by what differs between them.</summary>
public static class NftDifference
{
    /// <summary>From what is in the kernel to what shall be. What both have alike is not named in the text.</summary>
    public static NftTransaction Between(NftTable before, NftTable after)
    {
        if (!HaveSameFrame(before, after))
            return Whole(after);
        var script = new Script(after);
        foreach (var set in after.Sets.Values.Where(set => !before.Sets.ContainsKey(set.Name)))
            script.Declare(set);
        var changed = Changed(before, after);
        foreach (var chain in changed.Where(chain => !before.Chains.ContainsKey(chain.Name)))
            script.Declare(chain);
        foreach (var set in after.Sets.Values)
            script.DeleteElements(set, Replaced(before.Sets.GetValueOrDefault(set.Name), set));
        // An empty chain that waits for its deletion may get rules again: it is emptied in any case.
        foreach (var chain in changed)
            script.Flush(chain.Name);
        List<string> stale = [.. before.Chains.Keys.Where(name => !after.Chains.ContainsKey(name))];
        foreach (string name in stale)
            script.Flush(name);
        foreach (var chain in changed)
            script.AddRules(chain);
        foreach (var set in after.Sets.Values)
            script.AddElements(set, Added(before.Sets.GetValueOrDefault(set.Name), set));
        foreach (var set in before.Sets.Values.Where(set => !after.Sets.ContainsKey(set.Name)))
            script.Delete(set.Kind, set.Name);
        return new NftTransaction(script.ToString(), stale);
    }

    /// <summary>Puts a table in the place of whatever is there under its name; no packet sees anything between the two.</summary>
    public static NftTransaction Whole(NftTable table)
    {
        var script = new Script(table);
        script.DeclareTable();
        script.DeleteTable();
        script.DeclareTable();
        script.Fill(table);
        return new NftTransaction(script.ToString(), []);
    }

    /// <summary>As <see cref="Whole"/>, but what rules have put into sets stays: clients keep the endpoints that they had.</summary>
    /// <remarks>The kernel refuses it where something there has the same name and another form; then only <see cref="Whole"/> helps.</remarks>
    public static NftTransaction Adopting(ObservedTable found, NftTable table)
    {
        var script = new Script(table);
        foreach (string chain in found.Chains.Keys)
            script.Flush(chain);
        foreach (var (name, set) in found.Sets)
        {
            bool isKept = table.Sets.TryGetValue(name, out var same) && same.IsMap == set.IsMap;
            if (isKept && !same!.IsFilledByRules)
                script.Flush(set.Kind, name);
            else if (!isKept)
                script.Delete(set.Kind, name);
        }
        script.Fill(table);
        return new NftTransaction(script.ToString(), [.. found.Chains.Keys.Where(name => !table.Chains.ContainsKey(name))]);
    }

    /// <summary>Deletes chains that have been emptied.</summary>
    public static string Deleting(NftTable table, IEnumerable<string> chains)
    {
        var script = new Script(table);
        foreach (string chain in chains)
            script.Delete("chain", chain);
        return script.ToString();
    }

    // A hook or a set's type cannot be changed in place, and what must be made anew may be in use by what stays.
    private static bool HaveSameFrame(NftTable before, NftTable after) =>
        before.Family == after.Family && before.Name == after.Name
        && after.Chains.Values.All(chain => !before.Chains.TryGetValue(chain.Name, out var old) || old.Hook == chain.Hook)
        && before.Chains.Values.All(chain => chain.Hook is null || after.Chains.ContainsKey(chain.Name))
        && after.Sets.Values.All(set => !before.Sets.TryGetValue(set.Name, out var old) || old.HasSameForm(set));

    private static List<NftChain> Changed(NftTable before, NftTable after) =>
        [.. after.Chains.Values.Where(chain => !before.Chains.TryGetValue(chain.Name, out var old) || !old.Equals(chain))];

    /// <summary>Elements that are there and shall not be there so: gone, or with another value or comment.</summary>
    private static IEnumerable<string> Replaced(NftSet? before, NftSet after) => before is null ? []
        : before.Elements.Where(old => !old.Value.Equals(after.Elements.GetValueOrDefault(old.Key))).Select(old => old.Key);

    private static IEnumerable<KeyValuePair<string, NftElement>> Added(NftSet? before, NftSet after) => before is null ? after.Elements
        : after.Elements.Where(added => !added.Value.Equals(before.Elements.GetValueOrDefault(added.Key)));

    /// <summary>The commands, in nft's own language.</summary>
    private sealed class Script(NftTable table)
    {
        private readonly StringBuilder _text = new();
        private readonly string _table = $"{table.Family.Keyword()} {table.Name}";

        public void DeclareTable() => _text.Append($"add table {_table} {{ comment \"{table.Comment}\" ; }}\n");

        public void DeleteTable() => _text.Append($"delete table {_table}\n");

        public void Fill(NftTable whole)
        {
            foreach (var set in whole.Sets.Values)
                Declare(set);
            foreach (var chain in whole.Chains.Values)
                Declare(chain);
            foreach (var chain in whole.Chains.Values)
                AddRules(chain);
            foreach (var set in whole.Sets.Values)
                AddElements(set, set.Elements);
        }

        public void Declare(NftSet set) => _text.Append($"add {set.Kind} {_table} {set.Name} {{ {set.Specification} }}\n");

        public void Declare(NftChain chain)
        {
            _text.Append($"add chain {_table} {chain.Name}");
            if (chain.Hook is not null)
                _text.Append($" {{ {chain.Hook}; }}");
            _text.Append('\n');
        }

        public void Flush(string chain) => Flush("chain", chain);

        public void Flush(string kind, string name) => _text.Append($"flush {kind} {_table} {name}\n");

        public void Delete(string kind, string name) => _text.Append($"delete {kind} {_table} {name}\n");

        public void AddRules(NftChain chain)
        {
            foreach (var rule in chain.Rules)
                _text.Append($"add rule {_table} {chain.Name} {rule.Text} comment \"{rule.Comment}\"\n");
        }

        public void DeleteElements(NftSet set, IEnumerable<string> keys) => Elements("delete", set, keys);

        public void AddElements(NftSet set, IEnumerable<KeyValuePair<string, NftElement>> elements) =>
            Elements("add", set, elements.Select(Text));

        public override string ToString() => _text.ToString();

        private static string Text(KeyValuePair<string, NftElement> element)
        {
            string comment = element.Value.Comment is { } text ? $" comment \"{text}\"" : "";
            string value = element.Value.Value is { } verdict ? $" : {verdict}" : "";
            return $"{element.Key}{comment}{value}";
        }

        private void Elements(string verb, NftSet set, IEnumerable<string> elements)
        {
            string list = string.Join(", ", elements);
            if (list.Length > 0)
                _text.Append($"{verb} element {_table} {set.Name} {{ {list} }}\n");
        }
    }
}
