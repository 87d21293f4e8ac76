namespace Orchestrator.Control.Scheduling.Matching;

/// <summary>One term of a node selector: conditions on labels and on the node's name, all of which must hold.</summary>
internal sealed class NodeTerm
{
    private const string NameField = "metadata.name";

    private readonly LabelRequirement[] _labels;
    private readonly LabelRequirement[] _names;
    private readonly bool _matchesNothing;

    public NodeTerm(NodeSelectorTerm term)
    {
        // A term without conditions selects nothing; so does one that cannot be read.
        _matchesNothing = term.MatchExpressions.OrEmpty().Count == 0 && term.MatchFields.OrEmpty().Count == 0;
        _labels = Compile(term.MatchExpressions);
        _names = Compile(term.MatchFields);
        _matchesNothing |= _names.Any(name => name.Key != NameField)
            || _labels.Length < term.MatchExpressions.OrEmpty().Count || _names.Length < term.MatchFields.OrEmpty().Count;
    }

    /// <summary>The only names that can match, or null where the name is left open.</summary>
    public IReadOnlyList<string>? Names =>
        _names.Where(name => name.Operator == LabelOperator.In).Select(name => name.Values).FirstOrDefault();

    public bool Matches(string nodeName, Dictionary<string, string>? labels)
    {
        if (_matchesNothing)
            return false;
        foreach (var requirement in _labels)
        {
            if (!requirement.Matches(labels))
                return false;
        }
        foreach (var requirement in _names)
        {
            bool isNamed = requirement.Values.Contains(nodeName);
            if (requirement.Operator == LabelOperator.In ? !isNamed : isNamed)
                return false;
        }
        return true;
    }

    private static LabelRequirement[] Compile(List<NodeSelectorRequirement>? requirements)
    {
        var compiled = new List<LabelRequirement>();
        foreach (var requirement in requirements.OrEmpty())
        {
            if (LabelRequirement.ParseOperator(requirement.Operator) is { } op)
                compiled.Add(new LabelRequirement(requirement.Key ?? "", op, [.. requirement.Values.OrEmpty()]));
        }
        return [.. compiled];
    }
}
