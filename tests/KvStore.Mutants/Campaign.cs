namespace KvStore.Mutants;

/// <summary>Plants one mutant after the other and tells what became of each.</summary>
internal sealed class Campaign
{
    private const int MessageLimit = 110;

    private readonly string _seeds;
    private readonly TimeSpan _limit;
    private readonly SourceCopy _copy;
    private readonly Workshop _workshop;
    private readonly List<string> _survivors = [];
    private readonly List<string> _untried = [];
    private TimeSpan _cpu;

    /// <summary>The project that was built with a bug last.</summary>
    private string? _changed;

    public Campaign(string root, string seeds, TimeSpan limit)
    {
        (_seeds, _limit) = (seeds, limit);
        string folder = Path.Combine(root, "artifacts", "mutants");
        _copy = new SourceCopy(root, Path.Combine(folder, "tree"));
        _workshop = new Workshop(_copy, Path.Combine(folder, "unchanged"));
    }

    public int Run(List<Mutant> mutants)
    {
        try
        {
            Prepare();
            Console.WriteLine("| Mutant | Breaks | Found by | Seed | CPU s |");
            Console.WriteLine("|---|---|---|---:|---:|");
            foreach (var mutant in mutants)
                TryOrTell(mutant);
        }
        catch (Exception trouble) when (trouble is BuildException or JudgeException)
        {
            Console.Error.WriteLine(trouble.Message);
            return 2;
        }
        Console.WriteLine();
        Console.WriteLine($"{mutants.Count} mutants, {mutants.Count - _survivors.Count - _untried.Count} found, {_survivors.Count} survived"
            + $"{string.Concat(_survivors.Select(name => " " + name))}, {_untried.Count} not judged; {_cpu.TotalSeconds:F0} s of CPU");
        return _untried.Count > 0 ? 2 : _survivors.Count == 0 ? 0 : 1;
    }

    /// <summary>One that does not build is a mistake of the list, and a run may be ended from outside; the others are tried all the same.</summary>
    private void TryOrTell(Mutant mutant)
    {
        try
        {
            Try(mutant);
        }
        catch (Exception trouble) when (trouble is BuildException or JudgeException)
        {
            _untried.Add(mutant.Name);
            Console.Error.WriteLine($"{mutant.Name}: {trouble.Message}");
        }
    }

    /// <summary>The copy as it is must build, and pass: what a mutant is found by must not be there without it.</summary>
    private void Prepare()
    {
        _copy.Update();
        _workshop.BuildUnchanged();
        var scenarios = Judge.Replay(_workshop.ScenarioProgram);
        if (scenarios.IsFound)
            throw new JudgeException($"the unchanged code fails scenario {scenarios.Scenario}");
    }

    private void Try(Mutant mutant)
    {
        if (_changed is { } other && other != mutant.Project)
            _workshop.BuildChanged(other);
        _changed = mutant.Project;
        _copy.WithPlanted(mutant, () => _workshop.BuildChanged(mutant.Project));
        var verdict = mutant.ScenarioBecause is null
            ? Judge.Simulate(_workshop.SimulationProgram, _seeds, _limit)
            : Judge.Replay(_workshop.ScenarioProgram);
        if (verdict.Seed is { } seed)
            CheckUnchanged(seed);
        Tell(mutant, verdict);
    }

    private void CheckUnchanged(int seed)
    {
        var unchanged = Judge.Simulate(_workshop.UnchangedSimulationProgram, $"{seed}..{seed}", TimeSpan.FromMinutes(2));
        if (unchanged.IsFound)
            throw new JudgeException($"the unchanged code fails seed {seed} too: {unchanged.Text}");
    }

    private void Tell(Mutant mutant, Verdict verdict)
    {
        _cpu += verdict.Cpu;
        if (!verdict.IsFound)
            _survivors.Add(mutant.Name);
        string text = verdict.Text.Length <= MessageLimit ? verdict.Text : verdict.Text[..MessageLimit] + "...";
        string by = verdict switch
        {
            { Scenario: { } file } => $"scenario `{file}`",
            { IsFound: true } => $"{verdict.Checker}: {text.Replace("|", "\\|")}",
            _ => $"**nobody**: {text}",
        };
        Console.WriteLine($"| `{mutant.Name}` | {mutant.Rule} | {by} | {verdict.Seed?.ToString() ?? "-"} | {verdict.Cpu.TotalSeconds:F1} |");
        Console.Out.Flush();
    }
}
