namespace KvStore.Chaos.Checkers;

/// <summary>What one checker found.</summary>
public sealed class CheckResult(string checker)
{
    /// <summary>After the first few, one wrong thing only repeats itself; the rest is counted.</summary>
    private const int ViolationLimit = 20;

    private readonly List<Violation> _violations = [];
    private readonly List<string> _undecided = [];
    private readonly SortedDictionary<string, long> _figures = new(StringComparer.Ordinal);

    public string Checker => checker;

    public IReadOnlyList<Violation> Violations => _violations;

    public long ViolationCount { get; private set; }

    /// <summary>What could not be judged. It is not a pass.</summary>
    public IReadOnlyList<string> Undecided => _undecided;

    /// <summary>How much was looked at.</summary>
    public IReadOnlyDictionary<string, long> Figures => _figures;

    public TimeSpan Elapsed { get; set; }

    public bool IsPassed => ViolationCount == 0 && _undecided.Count == 0;

    public void Violate(string kind, string sentence, long at, params IReadOnlyList<Evidence> evidence)
    {
        ViolationCount++;
        if (_violations.Count < ViolationLimit)
            _violations.Add(new Violation(checker, kind, sentence, at, evidence));
    }

    public void LeaveUndecided(string sentence) => _undecided.Add(sentence);

    public void Count(string figure, long more = 1) => _figures[figure] = _figures.GetValueOrDefault(figure) + more;
}
