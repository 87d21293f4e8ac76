namespace Orchestrator.Api.Selectors;

/// <summary>Reads <c>a=b,c in (d,e),!f</c>: the grammar of <c>kubectl -l</c>, quirks and error texts included.</summary>
internal ref struct LabelSelectorParser(string text)
{
    private readonly List<(Token Kind, string Text)> _tokens = Scan(text);

    private int _next;

    private enum Token
    {
        Identifier,
        Comma,
        OpenParenthesis,
        ClosedParenthesis,
        Not,
        Equals,
        DoubleEquals,
        NotEquals,
        GreaterThan,
        LessThan,
        In,
        NotIn,
        Error,
        End,
    }

    /// <exception cref="FormatException">Its message is Kubernetes' own.</exception>
    public List<LabelRequirement> Parse()
    {
        var requirements = new List<LabelRequirement>();
        while (true)
        {
            var (kind, found) = Peek();
            if (kind == Token.End)
                return requirements;
            if (kind is not (Token.Identifier or Token.Not))
                throw new FormatException($"found '{found}', expected: !, identifier, or 'end of string'");
            requirements.Add(ParseRequirement());
            (kind, found) = Take();
            if (kind == Token.End)
                return requirements;
            if (kind != Token.Comma)
                throw new FormatException($"found '{found}', expected: ',' or 'end of string'");
            (kind, found) = Peek();
            if (kind is not (Token.Identifier or Token.Not))
                throw new FormatException($"found '{found}', expected: identifier after ','");
        }
    }

    private LabelRequirement ParseRequirement()
    {
        var (kind, key) = Take();
        bool isNegated = kind == Token.Not;
        if (isNegated)
            (kind, key) = Take();
        if (kind != Token.Identifier)
            throw Refuse($"found '{key}', expected: identifier");
        var keyErrors = LabelSyntax.QualifiedNameErrors(key);
        if (keyErrors.Count > 0)
            throw Refuse($"<nil>: Invalid value: {LabelRequirement.Quote(key)}: {string.Join("; ", keyErrors)}");
        if (isNegated)
            return Create(key, SelectorOperator.DoesNotExist, []);
        if (Peek().Kind is Token.End or Token.Comma)
            return Create(key, SelectorOperator.Exists, []);

        var @operator = ParseOperator();
        IReadOnlyCollection<string> values = @operator is SelectorOperator.In or SelectorOperator.NotIn ? ParseValues() : ParseExactValue();
        return Create(key, @operator, values);
    }

    private static LabelRequirement Create(string key, SelectorOperator @operator, IReadOnlyCollection<string> values)
    {
        var requirement = LabelRequirement.Create(key, @operator, values, out string? error);
        return error is null ? requirement : throw Refuse(error);
    }

    private SelectorOperator ParseOperator()
    {
        var (kind, found) = _tokens[_next++];
        return kind switch
        {
            Token.In => SelectorOperator.In,
            Token.NotIn => SelectorOperator.NotIn,
            Token.Equals => SelectorOperator.Equals,
            Token.DoubleEquals => SelectorOperator.DoubleEquals,
            Token.NotEquals => SelectorOperator.NotEquals,
            Token.GreaterThan => SelectorOperator.GreaterThan,
            Token.LessThan => SelectorOperator.LessThan,
            _ => throw Refuse($"found '{found}', expected: in, notin, =, ==, !=, gt, lt"),
        };
    }

    private HashSet<string> ParseValues()
    {
        var (kind, found) = Take();
        if (kind != Token.OpenParenthesis)
            throw Refuse($"found '{found}' expected: '('");
        (kind, found) = Peek();
        switch (kind)
        {
            case Token.ClosedParenthesis:
                _next++;
                return [];
            case Token.Identifier or Token.Comma:
                var values = ParseList();
                return Take().Kind == Token.ClosedParenthesis ? values : throw Refuse($"found '{found}', expected: ')'");
            default:
                throw Refuse($"found '{found}', expected: ',', ')' or identifier");
        }
    }

    /// <summary>An empty place between commas stands for the empty value.</summary>
    private HashSet<string> ParseList()
    {
        var values = new HashSet<string>(StringComparer.Ordinal);
        while (true)
        {
            var (kind, found) = Take();
            if (kind == Token.Identifier)
            {
                values.Add(found);
                var (after, text) = Peek();
                if (after == Token.ClosedParenthesis)
                    return values;
                if (after != Token.Comma)
                    throw Refuse($"found '{text}', expected: ',' or ')'");
            }
            else if (kind == Token.Comma)
            {
                if (values.Count == 0)
                    values.Add("");
                var after = Peek().Kind;
                if (after is Token.ClosedParenthesis or Token.Comma)
                    values.Add("");
                if (after == Token.ClosedParenthesis)
                    return values;
                if (after == Token.Comma)
                    _next++;
            }
            else
            {
                throw Refuse($"found '{found}', expected: ',', or identifier");
            }
        }
    }

    private string[] ParseExactValue()
    {
        if (Peek().Kind is Token.End or Token.Comma)
            return [""];
        var (kind, found) = Take();
        return kind == Token.Identifier ? [found] : throw Refuse($"found '{found}', expected: identifier");
    }

    /// <summary>Where a value may stand, <c>in</c> and <c>notin</c> are words like others.</summary>
    private readonly (Token Kind, string Text) Peek()
    {
        var (kind, found) = _tokens[Math.Min(_next, _tokens.Count - 1)];
        return (kind is Token.In or Token.NotIn ? Token.Identifier : kind, found);
    }

    private (Token Kind, string Text) Take()
    {
        var token = Peek();
        _next = Math.Min(_next + 1, _tokens.Count - 1);
        return token;
    }

    private static FormatException Refuse(string reason) => new("unable to parse requirement: " + reason);

    private static List<(Token, string)> Scan(string text)
    {
        var tokens = new List<(Token, string)>();
        int position = 0;
        while (position < text.Length)
        {
            char c = text[position];
            if (IsSpace(c))
                position++;
            else if (IsSpecial(c))
                tokens.Add(ScanSpecial(text, ref position));
            else
                tokens.Add(ScanWord(text, ref position));
        }
        tokens.Add((Token.End, ""));
        return tokens;
    }

    private static (Token, string) ScanWord(string text, ref int position)
    {
        int start = position;
        while (position < text.Length && !IsSpecial(text[position]) && !IsSpace(text[position]))
            position++;
        string word = text[start..position];
        return (word switch { "in" => Token.In, "notin" => Token.NotIn, _ => Token.Identifier }, word);
    }

    private static (Token, string) ScanSpecial(string text, ref int position)
    {
        string two = text.Substring(position, Math.Min(2, text.Length - position));
        Token? longer = two switch { "==" => Token.DoubleEquals, "!=" => Token.NotEquals, _ => null };
        if (longer is not null)
        {
            position += 2;
            return (longer.Value, two);
        }
        char c = text[position++];
        var kind = c switch
        {
            '(' => Token.OpenParenthesis,
            ')' => Token.ClosedParenthesis,
            ',' => Token.Comma,
            '!' => Token.Not,
            '=' => Token.Equals,
            '>' => Token.GreaterThan,
            _ => Token.LessThan,
        };
        return (kind, c.ToString());
    }

    private static bool IsSpecial(char c) => c is '=' or '!' or '(' or ')' or ',' or '>' or '<';

    private static bool IsSpace(char c) => c is ' ' or '\t' or '\r' or '\n';
}
