using YamlDotNet.Core;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace KvStore.Mutants;

/// <summary>All mutants, as <c>mutants.yaml</c> lists them.</summary>
internal static class MutantList
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
    public static IEnumerable<string> Problems(string root)
    {
        var mutants = Read(root);
        foreach (var twice in mutants.GroupBy(mutant => mutant.Name).Where(alike => alike.Count() > 1))
            yield return $"{twice.Key}: the name is there {twice.Count()} times";
        foreach (var mutant in mutants)
        {
            if (mutant.ProblemIn(root) is { } problem)
                yield return problem;
        }
    }

    /// <summary>The folder that holds the solution.</summary>
    public static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !System.IO.File.Exists(Path.Combine(folder, "KvStore.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new FormatException("KvStore.sln was not found above this program: run it from a checkout");
    }
}
