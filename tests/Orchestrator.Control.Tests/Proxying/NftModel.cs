using System.Text;
using Orchestrator.Api.Validation;

namespace Orchestrator.Control.Tests.Proxying;

/// <summary>A packet as the rules see it.</summary>
internal sealed record Packet(string Source, string Destination, int Port, string Protocol = "tcp")
{
    /// <summary>Sent by the node itself and not by a pod or from outside.</summary>
    public bool IsOfNode { get; init; }
}

/// <summary>A small model of the kernel's tables: takes transactions as nft does, and tells what becomes of a packet.</summary>
/// <remarks>It knows the commands and expressions that the proxy writes and refuses all others.</remarks>
internal sealed class NftModel
{
    private sealed class Chain
    {
        public string? Hook;
        public List<string> Rules = [];
    }

    private sealed class Set
    {
        public string Kind = "";
        public string Specification = "";
        public SortedDictionary<string, string> Elements = new(StringComparer.Ordinal);
    }

    private Dictionary<string, Chain> _chains = [];
    private Dictionary<string, Set> _sets = [];
    private bool _exists;

    /// <summary>Addresses of the node: what "fib ... type local" means.</summary>
    public List<string> LocalAddresses { get; } = ["192.168.7.1", "127.0.0.1"];

    public IEnumerable<string> ChainNames => _chains.Keys;

    public IEnumerable<string> SetNames => _sets.Keys;

    public bool IsMap(string set) => _sets[set].Kind == "map";

    public IReadOnlyList<string> Rules(string chain) => _chains[chain].Rules;

    public IEnumerable<string> Elements(string set) => _sets[set].Elements.Select(element => element.Key + element.Value);

    /// <summary>Puts an element into a set, as a rule does.</summary>
    public void Note(string set, string element) => _sets[set].Elements[element] = "";

    /// <summary>All of it in one text, two of which are compared.</summary>
    public string Dump(bool withFilledByRules = false)
    {
        var text = new StringBuilder();
        foreach (var (name, set) in _sets.OrderBy(set => set.Key, StringComparer.Ordinal))
        {
            text.Append($"{set.Kind} {name} {set.Specification}\n");
            if (withFilledByRules || !set.Specification.Contains("dynamic"))
                text.AppendJoin("", set.Elements.Select(element => $"  {element.Key}{element.Value}\n"));
        }
        foreach (var (name, chain) in _chains.OrderBy(chain => chain.Key, StringComparer.Ordinal))
            text.Append($"chain {name} {chain.Hook}\n").AppendJoin("", chain.Rules.Select(rule => $"  {rule}\n"));
        return text.ToString();
    }

    // Transactions

    /// <summary>Takes all commands, or refuses all by an exception.</summary>
    public NftModel Apply(string transaction)
    {
        var copy = Copy();
        foreach (string line in transaction.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            copy.Take(line);
        copy.CheckReferences();
        (_chains, _sets, _exists) = (copy._chains, copy._sets, copy._exists);
        return this;
    }

    private NftModel Copy() => new()
    {
        _exists = _exists,
        _chains = _chains.ToDictionary(chain => chain.Key, chain => new Chain { Hook = chain.Value.Hook, Rules = [.. chain.Value.Rules] }),
        _sets = _sets.ToDictionary(set => set.Key, set => new Set
        {
            Kind = set.Value.Kind,
            Specification = set.Value.Specification,
            Elements = new SortedDictionary<string, string>(set.Value.Elements, StringComparer.Ordinal),
        }),
    };

    private void Take(string line)
    {
        string[] words = line.Split(' ', 6);
        string command = $"{words[0]} {words[1]}";
        if (command is "add table" or "delete table")
        {
            Refuse(command == "delete table" && !_exists, line);
            if (command == "delete table")
                (_chains, _sets) = ([], []);
            _exists = command == "add table";
            return;
        }
        Refuse(!_exists, line);
        string name = words[4];
        string rest = words.Length > 5 ? words[5] : "";
        switch (command)
        {
            case "add chain": AddChain(name, rest, line); break;
            case "flush chain": _chains[name].Rules.Clear(); break;
            case "delete chain": DeleteChain(name, line); break;
            case "add rule": _chains[name].Rules.Add(rest); break;
            case "add set" or "add map": AddSet(words[1], name, rest, line); break;
            case "flush set" or "flush map": _sets[name].Elements.Clear(); break;
            case "delete set" or "delete map":
                Refuse(!_sets.Remove(name), line);
                break;
            case "add element": AddElements(name, rest, line); break;
            case "delete element": DeleteElements(name, rest, line); break;
            default: throw new InvalidOperationException($"unknown command: {line}");
        }
    }

    private void AddChain(string name, string rest, string line)
    {
        string? hook = rest.Length == 0 ? null : rest;
        if (_chains.TryGetValue(name, out var chain))
            Refuse(chain.Hook != hook, line);
        else
            _chains.Add(name, new Chain { Hook = hook });
        Refuse(name.Length > 255, line);
    }

    private void DeleteChain(string name, string line)
    {
        Refuse(!_chains.TryGetValue(name, out var chain) || chain.Rules.Count > 0, line);
        _chains.Remove(name);
    }

    private void AddSet(string kind, string name, string specification, string line)
    {
        if (_sets.TryGetValue(name, out var set))
            Refuse(set.Kind != kind || set.Specification != specification, line);
        else
            _sets.Add(name, new Set { Kind = kind, Specification = specification });
        Refuse(name.Length > 255, line);
    }

    private void AddElements(string name, string list, string line)
    {
        foreach (var (key, value) in ElementsOf(list))
        {
            Refuse(_sets[name].Elements.TryGetValue(key, out string? other) && other != value, line);
            _sets[name].Elements[key] = value;
        }
    }

    private void DeleteElements(string name, string list, string line)
    {
        foreach (var (key, _) in ElementsOf(list))
            Refuse(!_sets[name].Elements.Remove(key), line);
    }

    private static IEnumerable<(string Key, string Value)> ElementsOf(string list)
    {
        Assert.StartsWith("{ ", list);
        Assert.EndsWith(" }", list);
        foreach (string element in list[2..^2].Split(", "))
        {
            int end = element.IndexOf(" comment \"", StringComparison.Ordinal) is var comment and >= 0 ? comment
                : element.IndexOf(" : ", StringComparison.Ordinal) is var colon and >= 0 ? colon : element.Length;
            yield return (element[..end], element[end..]);
        }
    }

    // Nothing may lead to a chain or ask a set that is not there.
    private void CheckReferences()
    {
        var verdicts = _sets.Values.SelectMany(set => set.Elements.Values).Concat(_chains.Values.SelectMany(chain => chain.Rules));
        foreach (string text in verdicts)
        {
            Assert.True(CommentOf(text).Length <= 128, text);
            string[] words = WithoutComment(text).Split([' ', ','], StringSplitOptions.RemoveEmptyEntries);
            for (int i = 0; i < words.Length; i++)
            {
                Refuse(words[i] is "goto" or "jump" && !_chains.ContainsKey(words[i + 1]), text);
                Refuse(words[i][0] == '@' && !_sets.ContainsKey(words[i][1..]), text);
            }
        }
    }

    private static void Refuse(bool isRefused, string line)
    {
        if (isRefused)
            throw new InvalidOperationException($"refused: {line}");
    }

    private static string WithoutComment(string text)
    {
        int start = text.IndexOf(" comment \"", StringComparison.Ordinal);
        if (start < 0)
            return text;
        int end = text.IndexOf('"', start + 10);
        return text[..start] + text[(end + 1)..];
    }

    private static string CommentOf(string text) =>
        text.IndexOf(" comment \"", StringComparison.Ordinal) is var start and >= 0 ? text[(start + 10)..text.IndexOf('"', start + 10)] : "";

    // Packets

    /// <summary>All that may become of a first packet, whichever endpoint chance picks: <c>10.0.0.1:80, 10.0.0.2:80 masqueraded</c>.</summary>
    public string Send(Packet packet)
    {
        var outcomes = Enumerable.Range(0, 12).Select(choice => new Passage(this, packet, choice).Run()).Distinct().Order(StringComparer.Ordinal).ToList();
        string suffix = " masqueraded";
        return outcomes.All(outcome => outcome.EndsWith(suffix, StringComparison.Ordinal))
            ? string.Join(", ", outcomes.Select(outcome => outcome[..^suffix.Length])) + suffix
            : string.Join(", ", outcomes);
    }

    private enum Verdict
    {
        Continue,
        Return,
        Final,
    }

    /// <summary>One packet's way.</summary>
    private sealed class Passage(NftModel model, Packet packet, int choice)
    {
        private string _destination = packet.Destination;
        private int _port = packet.Port;
        private bool _isMarked;
        private bool _isMasqueraded;
        private bool _isTranslated;
        private string? _end;

        public string Run()
        {
            Hooks(packet.IsOfNode ? "output" : "prerouting");
            if (_end is null)
                Hooks("postrouting");
            return _end ?? (_isTranslated ? $"{_destination}:{_port}" : "passes") + (_isMasqueraded ? " masqueraded" : "");
        }

        private void Hooks(string hook)
        {
            var chains = model._chains.Values.Where(chain => chain.Hook is not null && chain.Hook.Contains($"hook {hook} "))
                .OrderBy(chain => int.Parse(chain.Hook!.Split("priority ")[1].TrimEnd(' ', '}', ';')));
            foreach (var chain in chains)
            {
                if (_end is null)
                    Walk(chain);
            }
        }

        private Verdict Walk(Chain chain)
        {
            foreach (string rule in chain.Rules)
            {
                var verdict = Evaluate(WithoutComment(rule).Trim());
                if (verdict != Verdict.Continue)
                    return verdict;
            }
            return Verdict.Continue;
        }

        /// <summary>Takes the rule's expressions one after another until one does not match.</summary>
        private Verdict Evaluate(string rule)
        {
            while (rule.Length > 0)
            {
                if (Next(ref rule, "meta mark set meta mark | 0x4000"))
                    _isMarked = true;
                else if (Next(ref rule, "meta mark & 0x4000 != 0 meta mark set meta mark ^ 0x4000"))
                {
                    if (!_isMarked)
                        return Verdict.Continue;
                    _isMarked = false;
                }
                else if (Next(ref rule, "masquerade fully-random"))
                    return Masquerade();
                else if (Next(ref rule, "ct status dnat"))
                {
                    if (!_isTranslated)
                        return Verdict.Continue;
                }
                else if (Next(ref rule, "ct state new"))
                {
                    // It is a first packet.
                }
                else if (rule is "drop")
                    return End("dropped");
                else if (rule is "reject" or "reject with tcp reset")
                    return End("refused");
                else if (Next(ref rule, "jump"))
                    return Jump(rule);
                else if (Next(ref rule, "goto"))
                    return Walk(model._chains[rule]) == Verdict.Final ? Verdict.Final : Verdict.Return;
                else if (Next(ref rule, "dnat to"))
                    return Translate(rule);
                else if (Next(ref rule, "update"))
                {
                    model.Note(rule.Split(' ')[0][1..], packet.Source);
                    return Verdict.Continue;
                }
                else if (rule.StartsWith("numgen random mod", StringComparison.Ordinal))
                    return Evaluate(Picked(rule));
                else if (TakeVmap(ref rule, out var verdict))
                    return verdict;
                else if (!Matches(ref rule))
                    return Verdict.Continue;
            }
            return Verdict.Continue;
        }

        private Verdict Jump(string chain) => Walk(model._chains[chain]) == Verdict.Final ? Verdict.Final : Verdict.Continue;

        private Verdict Masquerade()
        {
            _isMasqueraded = true;
            return Verdict.Final;
        }

        private Verdict End(string what)
        {
            _end = what;
            return Verdict.Final;
        }

        private Verdict Translate(string target)
        {
            if (target.StartsWith("numgen", StringComparison.Ordinal))
                target = Picked(target).Replace(" . ", " ");
            int split = target.LastIndexOfAny([' ', ':']);
            (_destination, _port, _isTranslated) = (target[..split].Trim('[', ']'), int.Parse(target[(split + 1)..]), true);
            return Verdict.Final;
        }

        // numgen random mod 2 map { 0 : a, 1 : b }
        private string Picked(string rule)
        {
            int count = int.Parse(rule.Split(' ')[3]);
            string list = rule[(rule.IndexOf('{') + 2)..^2];
            string[] elements = list.Split(", ");
            Assert.Equal(count, elements.Length);
            return elements[choice % count].Split(" : ", 2)[1];
        }

        private bool TakeVmap(ref string rule, out Verdict verdict)
        {
            verdict = Verdict.Continue;
            string family = rule.StartsWith("ip6 ", StringComparison.Ordinal) ? "ip6" : "ip";
            string key;
            if (Next(ref rule, $"{family} daddr . meta l4proto . th dport vmap"))
                key = $"{_destination} . {packet.Protocol} . {_port}";
            else if (Next(ref rule, "meta l4proto . th dport vmap"))
                key = $"{packet.Protocol} . {_port}";
            else
                return false;
            if (model._sets[rule[1..]].Elements.TryGetValue(key, out string? value))
                verdict = Evaluate(WithoutComment(value)[3..]);
            return true;
        }

        /// <summary>One match, taken off the rule.</summary>
        private bool Matches(ref string rule)
        {
            string family = rule.StartsWith("ip6 ", StringComparison.Ordinal) ? "ip6" : "ip";
            if (Next(ref rule, $"{family} saddr . {family} daddr"))
                return model._sets[Word(ref rule)[1..]].Elements.ContainsKey($"{packet.Source} . {_destination}");
            if (Next(ref rule, $"{family} saddr"))
                return IsIn(packet.Source, ref rule);
            if (Next(ref rule, $"{family} daddr"))
                return IsIn(_destination, ref rule);
            if (Next(ref rule, "meta l4proto"))
                return Word(ref rule) == packet.Protocol;
            if (Next(ref rule, "fib saddr type local"))
                return packet.IsOfNode || model.LocalAddresses.Contains(packet.Source);
            if (Next(ref rule, "fib daddr type local"))
                return model.LocalAddresses.Contains(_destination);
            if (Next(ref rule, $"{packet.Protocol} dport"))
                return Word(ref rule) == _port.ToString();
            if (rule.StartsWith("tcp dport", StringComparison.Ordinal) || rule.StartsWith("udp dport", StringComparison.Ordinal))
                return false;
            throw new InvalidOperationException($"unknown expression: {rule}");
        }

        private bool IsIn(string address, ref string rule)
        {
            bool isNegated = Next(ref rule, "!=");
            IEnumerable<string> ranges;
            if (rule[0] == '{')
            {
                int end = rule.IndexOf('}');
                ranges = rule[2..(end - 1)].Split(", ");
                rule = rule[(end + 1)..].TrimStart();
            }
            else
            {
                string word = Word(ref rule);
                ranges = word[0] == '@' ? model._sets[word[1..]].Elements.Keys : [word];
            }
            return isNegated != ranges.Any(range => range == address || Addresses.Contains(range, address));
        }

        private static bool Next(ref string rule, string words)
        {
            if (rule != words && !rule.StartsWith(words + " ", StringComparison.Ordinal))
                return false;
            rule = rule[words.Length..].TrimStart();
            return true;
        }

        private static string Word(ref string rule)
        {
            string word = rule.Split(' ')[0];
            rule = rule[word.Length..].TrimStart();
            return word;
        }
    }
}
