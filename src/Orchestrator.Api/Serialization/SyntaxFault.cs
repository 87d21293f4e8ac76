using System.Globalization;

namespace Orchestrator.Api;

/// <summary>Finds out why a text is no JSON, in the words of Go's scanner, which clients know.</summary>
internal ref struct SyntaxFault
{
    private const string UnexpectedEnd = "unexpected end of JSON input";

    private readonly ReadOnlySpan<byte> _text;
    private int _position;
    private string? _fault;

    private SyntaxFault(ReadOnlySpan<byte> text) => _text = text;

    /// <returns>Null where the text is JSON after all.</returns>
    public static string? Describe(ReadOnlySpan<byte> text)
    {
        var scan = new SyntaxFault(text);
        scan.Value(0);
        scan.SkipBlanks();
        if (scan._fault is null && scan._position < text.Length)
            scan.Refuse("after top-level value");
        return scan._fault;
    }

    private void Value(int depth)
    {
        SkipBlanks();
        if (depth > KubernetesJson.DepthLimit)
        {
            _fault ??= "exceeded max depth";
            return;
        }
        switch (Current)
        {
            case (byte)'{': Object(depth); break;
            case (byte)'[': Array(depth); break;
            case (byte)'"': Text(); break;
            case (byte)'t': Word("true"); break;
            case (byte)'f': Word("false"); break;
            case (byte)'n': Word("null"); break;
            case (byte)'-' or (>= (byte)'0' and <= (byte)'9'): Number(); break;
            default: Refuse("looking for beginning of value"); break;
        }
    }

    private void Object(int depth)
    {
        _position++;
        SkipBlanks();
        if (Accept('}'))
            return;
        while (_fault is null)
        {
            SkipBlanks();
            if (Current != '"')
            {
                Refuse("looking for beginning of object key string");
                return;
            }
            Text();
            SkipBlanks();
            if (_fault is null && !Accept(':'))
                Refuse("after object key");
            if (_fault is null)
                Value(depth + 1);
            SkipBlanks();
            if (_fault is not null || Accept('}'))
                return;
            if (!Accept(','))
                Refuse("after object key:value pair");
        }
    }

    private void Array(int depth)
    {
        _position++;
        SkipBlanks();
        if (Accept(']'))
            return;
        while (_fault is null)
        {
            Value(depth + 1);
            SkipBlanks();
            if (_fault is not null || Accept(']'))
                return;
            if (!Accept(','))
                Refuse("after array element");
        }
    }

    private void Text()
    {
        _position++;
        while (_fault is null && Current != '"')
        {
            if (Current == '\\')
                Escape();
            else if (Current is < 0x20)
                Refuse("in string literal");
            else
                _position++;
        }
        _position++;
    }

    private void Escape()
    {
        _position++;
        if (Accept('u'))
        {
            for (int digit = 0; digit < 4 && _fault is null; digit++)
            {
                if (Current is >= 0 and var code && char.IsAsciiHexDigit((char)code))
                    _position++;
                else
                    Refuse("in \\u hexadecimal character escape");
            }
        }
        else if (Current is >= 0 and var escape && "\"\\/bfnrt".Contains((char)escape))
        {
            _position++;
        }
        else
        {
            Refuse("in string escape code");
        }
    }

    private void Word(string word)
    {
        for (int index = 0; index < word.Length && _fault is null; index++)
        {
            if (!Accept(word[index]))
                Refuse($"in literal {word} (expecting '{word[index]}')");
        }
    }

    private void Number()
    {
        if (Accept('-') && !IsDigit)
        {
            Refuse("in numeric literal");
            return;
        }
        if (!Accept('0'))
            Digits();
        if (Accept('.'))
            FurtherDigits("after decimal point in numeric literal");
        if (_fault is null && (Accept('e') || Accept('E')))
        {
            if (!Accept('+'))
                Accept('-');
            FurtherDigits("in exponent of numeric literal");
        }
    }

    private void FurtherDigits(string where)
    {
        if (IsDigit)
            Digits();
        else
            Refuse(where);
    }

    private void Digits()
    {
        while (IsDigit)
            _position++;
    }

    private readonly bool IsDigit => Current is >= '0' and <= '9';

    /// <summary>-1 at the end.</summary>
    private readonly int Current => _position < _text.Length ? _text[_position] : -1;

    private bool Accept(char expected)
    {
        if (Current != expected)
            return false;
        _position++;
        return true;
    }

    private void SkipBlanks()
    {
        while (Current is ' ' or '\t' or '\r' or '\n')
            _position++;
    }

    private void Refuse(string where) =>
        _fault ??= Current < 0 ? UnexpectedEnd : $"invalid character {Character(Current)} {where}";

    private static string Character(int code) => code switch
    {
        '\'' => @"'\''",
        '"' => "'\"'",
        '\\' => @"'\\'",
        '\n' => @"'\n'",
        '\r' => @"'\r'",
        '\t' => @"'\t'",
        < 0x20 or 0x7f => string.Create(CultureInfo.InvariantCulture, $"'\\x{code:x2}'"),
        // Go takes the byte for a code point.
        _ => $"'{(char)code}'",
    };
}
