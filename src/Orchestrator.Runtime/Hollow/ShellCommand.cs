using System.Text;

namespace Orchestrator.Runtime.Hollow;

/// <summary>One simple command of a shell's text, and on what it depends whether it runs.</summary>
internal sealed class ShellCommand
{
    private readonly List<List<Piece>> _words = [];
    private Condition _condition;

    private enum Condition
    {
        Always,
        AfterSuccess,
        AfterFailure,
    }

    /// <summary>Its output was redirected by <c>&gt;&amp;2</c>.</summary>
    public bool WritesToStderr { get; private set; }

    /// <exception cref="FormatException">A quote is not closed, or the text uses what this shell has not.</exception>
    public static IReadOnlyList<ShellCommand> Parse(string text)
    {
        var commands = new List<ShellCommand>();
        var command = new ShellCommand();
        int i = 0;
        while (i < text.Length)
        {
            char c = text[i];
            if (c is ' ' or '\t')
                i++;
            else if (c == '#')
                i = text.IndexOf('\n', i) is var end and >= 0 ? end : text.Length;
            else if (c is ';' or '\n')
                command = Next(commands, command, Condition.Always, ref i, 1);
            else if (StartsWith(text, i, "&&"))
                command = Next(commands, command, Condition.AfterSuccess, ref i, 2);
            else if (StartsWith(text, i, "||"))
                command = Next(commands, command, Condition.AfterFailure, ref i, 2);
            else if (!command.TakeRedirection(text, ref i))
                command._words.Add(ReadWord(text, ref i));
        }
        commands.Add(command);
        return commands;
    }

    public bool Runs(int lastCode) => _condition switch
    {
        Condition.AfterSuccess => lastCode == 0,
        Condition.AfterFailure => lastCode != 0,
        _ => true,
    };

    /// <summary>Its words with variables replaced.</summary>
    public IEnumerable<string> Words(Func<string, string> variable) =>
        _words.Select(word => string.Concat(word.Select(piece => piece.IsVariable ? variable(piece.Text) : piece.Text)));

    private static bool StartsWith(string text, int at, string part) => string.CompareOrdinal(text, at, part, 0, part.Length) == 0;

    private static ShellCommand Next(List<ShellCommand> commands, ShellCommand command, Condition condition, ref int i, int length)
    {
        commands.Add(command);
        i += length;
        return new ShellCommand { _condition = condition };
    }

    private bool TakeRedirection(string text, ref int i)
    {
        foreach (string form in (string[])[">&2", "1>&2", "2>&1", ">/dev/stderr", "> /dev/stderr"])
        {
            if (!StartsWith(text, i, form))
                continue;
            WritesToStderr |= form != "2>&1"; // What a command here says to stderr stays apart: both reach the same client.
            i += form.Length;
            return true;
        }
        if (text[i] is '>' or '<' or '|' or '&' or '(' or ')' or '`')
            throw new FormatException($"unexpected \"{text[i]}\"");
        return false;
    }

    private static List<Piece> ReadWord(string text, ref int i)
    {
        var pieces = new List<Piece>();
        var literal = new StringBuilder();
        char quote = '\0';
        for (; i < text.Length; i++)
        {
            char c = text[i];
            if (quote == '\0' && (char.IsWhiteSpace(c) || c is ';' or '&' or '|' or '>' or '<'))
                break;
            if (c == quote)
                quote = '\0';
            else if (quote == '\0' && c is '\'' or '"')
                quote = c;
            else if (c == '\\' && quote != '\'' && i + 1 < text.Length)
                literal.Append(text[++i]);
            else if (c == '$' && quote != '\'' && VariableLength(text, i + 1) is var length and > 0)
                AddVariable(pieces, literal, text, ref i, length);
            else
                literal.Append(c);
        }
        if (quote != '\0')
            throw new FormatException("unterminated quoted string");
        pieces.Add(new Piece(literal.ToString(), IsVariable: false));
        return pieces;
    }

    private static int VariableLength(string text, int at)
    {
        if (at < text.Length && text[at] == '?')
            return 1;
        int end = at;
        while (end < text.Length && (char.IsAsciiLetterOrDigit(text[end]) || text[end] == '_'))
            end++;
        return end - at;
    }

    private static void AddVariable(List<Piece> pieces, StringBuilder literal, string text, ref int i, int length)
    {
        pieces.Add(new Piece(literal.ToString(), IsVariable: false));
        literal.Clear();
        pieces.Add(new Piece(text.Substring(i + 1, length), IsVariable: true));
        i += length;
    }

    private readonly record struct Piece(string Text, bool IsVariable);
}
