using System.Text.RegularExpressions;

namespace KvStore.Raft.Scenarios;

/// <summary>Finds, replays and rewrites scenario files.</summary>
public static partial class ScenarioFile
{
    public static IReadOnlyList<string> Find(string path) => File.Exists(path)
        ? [path]
        : [.. Directory.EnumerateFiles(path, "*.txt", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    public static IReadOnlyList<DirectiveResult> Replay(string file, bool ignoreLogLines = false)
    {
        var directives = ScenarioParser.Parse(File.ReadAllLines(file));
        if (directives.Count == 0)
            return [];
        var scenario = ScenarioFor(directives[0].Command);
        var results = new List<DirectiveResult>(directives.Count);
        foreach (var directive in directives)
        {
            string expected = ignoreLogLines ? WithoutLogLines(directive.Expected) : directive.Expected;
            results.Add(new DirectiveResult(directive, expected.TrimEnd('\n'), RunOne(scenario, directive).TrimEnd('\n')));
        }
        return results;
    }

    /// <summary>Writes what came out in place of what was expected.</summary>
    public static void Rewrite(string file, IReadOnlyList<DirectiveResult> results)
    {
        var lines = File.ReadAllLines(file).ToList();
        // From the last one on, so that the earlier ones' lines stay where they are.
        foreach (var result in results.Reverse())
        {
            lines.RemoveRange(result.Directive.ExpectedStart, result.Directive.ExpectedCount);
            lines.InsertRange(result.Directive.ExpectedStart, Fenced(result.Actual.Split('\n')));
        }
        File.WriteAllLines(file, lines);
    }

    private static string RunOne(IScenario scenario, Directive directive)
    {
        try
        {
            return scenario.Run(directive);
        }
        catch (Exception error) when (error is ScenarioException or RaftException or InvariantException or LogLostException)
        {
            // A stop is an outcome like any other: scenarios show what must stop a member.
            return error.Message;
        }
    }

    private static IScenario ScenarioFor(string command) => command switch
    {
        "simple" or "enter-joint" or "leave-joint" => new ConfChangeScenario(),
        "committed" or "vote" => new QuorumScenario(),
        _ => new InteractionScenario(),
    };

    // A step of which only log lines were expected had nothing else to show.
    private static string WithoutLogLines(string expected)
    {
        var kept = expected.Split('\n').Where(line => !LogLine().IsMatch(line)).ToList();
        return kept.Count == 0 ? "ok" : string.Join('\n', kept);
    }

    private static IEnumerable<string> Fenced(string[] lines) =>
        lines.Contains("") ? ["----", .. lines, "----", "----"] : lines;

    [GeneratedRegex(@"^\s*(DEBUG|INFO|WARN|ERROR) ")]
    private static partial Regex LogLine();
}
