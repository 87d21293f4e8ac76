using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace KvStore.Mutants;

/// <summary>All mutants, as <c>mutants.yaml</c> lists them.</summary>
internal static partial class MutantList
{
    public const string File = "tests/KvStore.Mutants/mutants.yaml";

    /// <exception cref="FormatException">It is no such list.</exception>
    public static List<Mutant> Read(string root)
    {
        try
        {
            var reader = new DeserializerBuilder().WithNamingConvention(HyphenatedNamingConvention.Instance).Build();
            return reader.Deserialize<List<Mutant>>(System.IO.File.ReadAllText(Path.Combine(root, File)));
        }
        catch (YamlException problem)
        {
            throw new FormatException($"{File} at {problem.Start}: {problem.InnerException?.Message ?? problem.Message}", problem);
        }
    }

    /// <summary>What keeps mutants from being planted: the code has moved on, most likely.</summary>
    public static IEnumerable<string> Problems(string root) => Problems(root, Read(root));

    /// <inheritdoc cref="Problems(string)"/>
    public static IEnumerable<string> Problems(string root, IReadOnlyList<Mutant> mutants)
    {
        foreach (var twice in mutants.GroupBy(mutant => mutant.Name).Where(alike => alike.Count() > 1))
            yield return $"{twice.Key}: the name is there {twice.Count()} times";
        var faults = FaultKinds(root).Order(StringComparer.Ordinal).ToList();
        foreach (var mutant in mutants)
        {
            if (mutant.ProblemIn(root) is { } problem)
                yield return problem;
            foreach (string fault in (mutant.StormFaults?.Split(',') ?? []).Except(faults))
                yield return $"{mutant.Name}: there is no fault '{fault}', but {string.Join(' ', faults)}";
        }
    }

    /// <summary>The kinds that the rig knows, as its sources name them.</summary>
    private static IEnumerable<string> FaultKinds(string root) =>
        Directory.EnumerateFiles(Path.Combine(root, "chaos/Faults"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(file => KindOf().Matches(System.IO.File.ReadAllText(file)))
            .Select(match => match.Groups[1].Value);

    [GeneratedRegex(@"Kind = ""([a-z-]+)""")]
    private static partial Regex KindOf();

    /// <summary>The folder that holds the solution.</summary>
    public static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !System.IO.File.Exists(Path.Combine(folder, "KvStore.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new FormatException("KvStore.sln was not found above this program: run it from a checkout");
    }
}
