using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace KvStore.Testing.Scripting;

/// <summary>Commands with what they must print and how they must end, read from a text file.</summary>
/// <remarks>
/// <code>
/// # a comment
/// $ kubectl get deployment web          run once; standard output and standard error must be the lines below
/// NAME   READY   UP-TO-DATE   AVAILABLE   AGE
/// web    3/3     3            3           {age}
/// $$ kubectl get pod p -o name          run again until it is so, for a minute at most
/// pod/p
/// $ kubectl get pod nobody
/// ! 1                                   the exit code, when it is not 0
/// Error from server (NotFound): pods "nobody" not found
/// $ [>=1.31] kubectl ...                only with such a kubectl; also before an expected line
/// &lt; text                                a line of standard input
/// + echo more                           the command goes on in a further line
/// </code>
/// Runs of blanks count as one blank. In an expected line <c>{age}</c> and its kind stand for patterns, and a line <c>...</c> for any
/// number of lines.
/// </remarks>
internal sealed partial class CommandScript(string name, IReadOnlyList<ScriptStep> steps)
{
    public string Name { get; } = name;

    public IReadOnlyList<ScriptStep> Steps { get; } = steps;

    /// <param name="version">Minor version of the kubectl that will run it: steps and lines for others are left out.</param>
    public static CommandScript Parse(string name, string text, int version)
    {
        var steps = new List<ScriptStep>();
        ScriptStep? step = null;
        bool isForOthers = false;
        int number = 0;
        foreach (string line in text.Split('\n').Select(line => line.TrimEnd()))
        {
            number++;
            if (line.StartsWith('#') || line.Length == 0)
                continue;
            if (line.StartsWith("$ ", StringComparison.Ordinal) || line.StartsWith("$$ ", StringComparison.Ordinal))
            {
                string command = line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..];
                isForOthers = !IsFor(ref command, version);
                step = new ScriptStep { Line = number, Command = command, IsAwaited = line[1] == '$' };
                if (!isForOthers)
                    steps.Add(step);
                continue;
            }
            if (step is null)
                throw new FormatException($"{name}:{number}: there is no command before this line");
            if (!isForOthers)
                Add(step, line, version, $"{name}:{number}");
        }
        return new CommandScript(name, steps);
    }

    private static void Add(ScriptStep step, string line, int version, string place)
    {
        if (line.StartsWith("! ", StringComparison.Ordinal))
            step.ExitCode = int.Parse(line[2..], CultureInfo.InvariantCulture);
        else if (line.StartsWith("< ", StringComparison.Ordinal) || line == "<")
            step.Input.Append(line.Length > 1 ? line[2..] : "").Append('\n');
        else if (line.StartsWith("+ ", StringComparison.Ordinal))
            step.Command += "\n" + line[2..];
        else if (IsFor(ref line, version))
            step.Expected.Add(ExpectedLine.Parse(line.StartsWith('\\') ? line[1..] : line, place));
    }

    /// <summary>Cuts a condition like <c>[>=1.31]</c> off.</summary>
    private static bool IsFor(ref string text, int version)
    {
        var condition = Condition().Match(text);
        if (!condition.Success)
            return true;
        text = text[condition.Length..];
        int bound = int.Parse(condition.Groups[2].Value, CultureInfo.InvariantCulture);
        return condition.Groups[1].Value switch { ">=" => version >= bound, "<" => version < bound, _ => version == bound };
    }

    [GeneratedRegex(@"^\[(>=|<|=)1\.(\d+)\] ")]
    private static partial Regex Condition();
}

/// <summary>One command of a <see cref="CommandScript"/>.</summary>
internal sealed class ScriptStep
{
    public required int Line { get; init; }

    public required string Command { get; set; }

    /// <summary>Whether it is tried again until it comes out as expected.</summary>
    public required bool IsAwaited { get; init; }

    public int ExitCode { get; set; }

    public StringBuilder Input { get; } = new();

    public List<ExpectedLine> Expected { get; } = [];

    /// <returns>Null when the output is as expected, else what differs.</returns>
    public string? Mismatch(int exitCode, string output)
    {
        string[] lines = [.. output.Split('\n').Select(ExpectedLine.Normalize).Where(line => line.Length > 0)];
        if (exitCode != ExitCode)
            return $"exit code {exitCode}, expected {ExitCode}";
        return Matches(lines, 0, 0) ? null : "the output differs";
    }

    private bool Matches(string[] lines, int line, int expected)
    {
        if (expected == Expected.Count)
            return line == lines.Length;
        if (Expected[expected].IsAnyLines)
            return Enumerable.Range(line, lines.Length - line + 1).Any(next => Matches(lines, next, expected + 1));
        return line < lines.Length && Expected[expected].Matches(lines[line]) && Matches(lines, line + 1, expected + 1);
    }
}

/// <summary>A line that a command must print, with places for what differs from run to run.</summary>
internal sealed partial class ExpectedLine
{
    private const string AnyLines = "...";

    /// <summary>The patterns that an expected line can name.</summary>
    private static readonly Dictionary<string, string> Patterns = new()
    {
        ["age"] = @"(?:\d+(?:y|d|h|m|s|ms))+|<invalid>",
        ["any"] = ".*",
        ["word"] = @"\S+",
        ["n"] = @"\d+",
        ["hash"] = "[bcdf0-9]{1,10}",
        ["podhash"] = "[bcdfghjklmnpqrstvwxz2456789]{8,10}",
        ["rand"] = "[bcdfghjklmnpqrstvwxz2456789]{5}",
        ["ip"] = @"\d+\.\d+\.\d+\.\d+",
        ["port"] = @"3[0-2]\d{3}",
        ["time"] = @"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
        ["annotated"] = "annotated?", // kubectl before 1.28 says annotate.
        ["date"] = @"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000",
        ["uid"] = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    };

    private readonly Regex? _regex;

    private readonly string _text;

    private ExpectedLine(string text, Regex? regex) => (_text, _regex) = (text, regex);

    public bool IsAnyLines => _text == AnyLines;

    public static ExpectedLine Parse(string line, string place)
    {
        string text = Normalize(line);
        if (!Placeholder().IsMatch(text))
            return new ExpectedLine(text, null);
        var pattern = new StringBuilder("^");
        int at = 0;
        foreach (Match match in Placeholder().Matches(text))
        {
            pattern.Append(Regex.Escape(text[at..match.Index]));
            pattern.Append("(?:").Append(Patterns.GetValueOrDefault(match.Groups[1].Value)
                ?? throw new FormatException($"{place}: there is no pattern {match.Value}")).Append(')');
            at = match.Index + match.Length;
        }
        return new ExpectedLine(text, new Regex(pattern.Append(Regex.Escape(text[at..])).Append('$').ToString(), RegexOptions.CultureInvariant));
    }

    public bool Matches(string line) => _regex?.IsMatch(line) ?? line == _text;

    public static string Normalize(string line) => Blanks().Replace(line, " ").Trim();

    public override string ToString() => _text;

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();

    [GeneratedRegex(@"\{([a-z]+)\}")]
    private static partial Regex Placeholder();
}
