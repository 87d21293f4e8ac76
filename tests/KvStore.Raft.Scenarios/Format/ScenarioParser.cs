namespace KvStore.Raft.Scenarios;

/// <summary>Reads the public data-driven format.</summary>
/// <remarks>
/// <code>
/// # a comment
/// command argument key=value key=(value,value)
/// lines of input, if any
/// ----
/// the lines that must come out, up to an empty one
///
/// command
/// ----
/// ----
/// lines that must come out, empty ones among them, up to two separators
/// ----
/// ----
/// </code>
/// </remarks>
public sealed class ScenarioParser(string[] lines)
{
    private const string Separator = "----";

    private int _next;

    public static IReadOnlyList<Directive> Parse(string[] lines)
    {
        var parser = new ScenarioParser(lines);
        var directives = new List<Directive>();
        while (parser.SkipToDirective())
            directives.Add(parser.ReadDirective());
        return directives;
    }

    /// <summary>Splits a line into a command and its arguments.</summary>
    public static (string Command, IReadOnlyList<Argument> Arguments) ParseLine(string line)
    {
        var words = SplitOutsideParentheses(line);
        return (words[0], [.. words.Skip(1).Select(ParseArgument)]);
    }

    private bool SkipToDirective()
    {
        while (_next < lines.Length && (lines[_next].Length == 0 || lines[_next].StartsWith('#')))
            _next++;
        return _next < lines.Length;
    }

    private Directive ReadDirective()
    {
        int line = _next + 1;
        var (command, arguments) = ParseLine(lines[_next++]);
        int inputStart = _next;
        while (_next < lines.Length && lines[_next] != Separator)
            _next++;
        string input = string.Join('\n', lines[inputStart.._next]);
        _next = Math.Min(_next + 1, lines.Length);
        int start = _next;
        string expected = _next < lines.Length && lines[_next] == Separator ? ReadFenced() : ReadToEmptyLine();
        return new Directive(line, command, arguments, input, expected) { ExpectedStart = start, ExpectedCount = _next - start };
    }

    private string ReadToEmptyLine()
    {
        int start = _next;
        while (_next < lines.Length && lines[_next].Length > 0)
            _next++;
        return string.Join('\n', lines[start.._next]);
    }

    private string ReadFenced()
    {
        int start = ++_next;
        while (_next + 1 < lines.Length && !(lines[_next] == Separator && lines[_next + 1] == Separator))
            _next++;
        string expected = string.Join('\n', lines[start.._next]);
        _next = Math.Min(_next + 2, lines.Length);
        return expected;
    }

    private static List<string> SplitOutsideParentheses(string line)
    {
        var words = new List<string>();
        int depth = 0;
        int start = 0;
        for (int i = 0; i <= line.Length; i++)
        {
            bool isEnd = i == line.Length || (line[i] == ' ' && depth == 0);
            if (i < line.Length)
                depth += line[i] == '(' ? 1 : line[i] == ')' ? -1 : 0;
            if (!isEnd)
                continue;
            if (i > start)
                words.Add(line[start..i]);
            start = i + 1;
        }
        return words;
    }

    private static Argument ParseArgument(string word)
    {
        int equals = word.IndexOf('=');
        if (equals < 0)
            return new Argument(word, []);
        string value = word[(equals + 1)..];
        return value.StartsWith('(') && value.EndsWith(')')
            ? new Argument(word[..equals], [.. value[1..^1].Split(',', ' ').Where(part => part.Length > 0)])
            : new Argument(word[..equals], [value]);
    }
}
