namespace KvStore.Mutants;

/// <summary>One planted bug: lines of the production code, and the wrong ones in their place.</summary>
internal sealed class Mutant
{
    public string Name { get; set; } = "";

    /// <summary>What the wrong lines break, in a sentence.</summary>
    public string Rule { get; set; } = "";

    /// <summary>From the root of the repository.</summary>
    public string File { get; set; } = "";

    /// <summary>Whole lines, which occur in the file once, however far indented.</summary>
    public string Original { get; set; } = "";

    /// <summary>Whole lines, or nothing.</summary>
    public string Replacement { get; set; } = "";

    /// <summary>Why the simulation cannot meet it: then the scenarios of the core are asked instead.</summary>
    public string? ScenarioBecause { get; set; }

    /// <summary>Kinds of faults that a storm draws from, comma-separated; all unless given.</summary>
    public string? StormFaults { get; set; }

    /// <summary>The folder of the project that has to be built again.</summary>
    public string Project => string.Join('/', File.Split('/').Take(2));

    /// <returns>Null when the wrong lines can be put in.</returns>
    public string? ProblemIn(string root)
    {
        if (Rule.Length == 0 || Original.Length == 0 || Original == Replacement)
            return $"{Name}: a mutant has a rule, original lines, and others in their place";
        string path = Path.Combine(root, File);
        if (!System.IO.File.Exists(path))
            return $"{Name}: {File} is not there";
        int count = Places(System.IO.File.ReadAllText(path).Split('\n')).Count();
        return count == 1 ? null : $"{Name}: its original lines occur {count} times in {File}, not once";
    }

    public string Plant(string text)
    {
        string[] lines = text.Split('\n');
        var (at, indent) = Places(lines).Single();
        var planted = LinesOf(Replacement).Select(line => line.Length == 0 ? line : indent + line);
        return string.Join('\n', [.. lines[..at], .. planted, .. lines[(at + LinesOf(Original).Length)..]]);
    }

    private IEnumerable<(int At, string Indent)> Places(string[] lines)
    {
        string[] original = LinesOf(Original);
        for (int at = 0; at + original.Length <= lines.Length; at++)
        {
            string indent = lines[at][..^lines[at].TrimStart().Length];
            if (original.Select(line => line.Length == 0 ? line : indent + line).SequenceEqual(lines[at..(at + original.Length)]))
                yield return (at, indent);
        }
    }

    private static string[] LinesOf(string block) => block.Length == 0 ? [] : block.TrimEnd('\n').Split('\n');
}
