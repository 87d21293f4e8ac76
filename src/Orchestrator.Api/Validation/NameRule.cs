namespace Orchestrator.Api.Validation;

/// <summary>How objects of a kind may be called.</summary>
internal sealed class NameRule
{
    private readonly Func<string, IReadOnlyList<string>> _rule;
    private readonly bool _masksTrailingDash;
    private readonly Func<string, IReadOnlyList<string>>? _prefixRule;

    private NameRule(Func<string, IReadOnlyList<string>> rule, bool masksTrailingDash, Func<string, IReadOnlyList<string>>? prefixRule = null)
    {
        _rule = rule;
        _masksTrailingDash = masksTrailingDash;
        _prefixRule = prefixRule;
    }

    public static NameRule Subdomain { get; } = new(NameRules.DnsSubdomain, true);

    public static NameRule Label { get; } = new(NameRules.DnsLabel, true);

    public static NameRule Label1035 { get; } = new(NameRules.Dns1035Label, true);

    /// <summary>Anything that can be a part of a path: RBAC's names have colons.</summary>
    public static NameRule PathSegment { get; } = new(NameRules.PathSegment, false, NameRules.PathSegmentPrefix);

    public static NameRule Of(Func<string, IReadOnlyList<string>> rule) => new(rule, false);

    /// <summary>A prefix may end with a dash: letters follow it when the name is generated.</summary>
    public IReadOnlyList<string> Faults(string name, bool isPrefix)
    {
        if (!isPrefix)
            return _rule(name);
        if (_prefixRule is not null)
            return _prefixRule(name);
        return _rule(_masksTrailingDash && name.Length > 1 && name[^1] == '-' ? name[..^2] + 'a' : name);
    }
}
