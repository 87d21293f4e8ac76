using System.Globalization;
using System.Text;

namespace Orchestrator.Api.Generator;

/// <summary>A JSON text as plain values: dictionaries, lists, strings, doubles, booleans and null.</summary>
/// <remarks>Small and of its own, because a generator that brings assemblies along depends on which of them the compiler has loaded.
/// The texts are the repository's own files: what is wrong with them stops the build with the place.</remarks>
internal sealed class JsonText
{
    private readonly string _text;
    private int _position;

    private JsonText(string text) => _text = text;

    public static object? Parse(string text)
    {
        var json = new JsonText(text);
        object? value = json.ReadValue();
        json.SkipBlanks();
        return json._position == text.Length ? value : throw json.Failure("the end");
    }

    private object? ReadValue()
    {
        SkipBlanks();
        switch (_text[_position])
        {
            case '{': return ReadObject();
            case '[': return ReadList();
            case '"': return ReadString();
            case 't': return ReadWord("true", true);
            case 'f': return ReadWord("false", false);
            case 'n': return ReadWord("null", null);
            default: return ReadNumber();
        }
    }

    private Dictionary<string, object?> ReadObject()
    {
        var result = new Dictionary<string, object?>();
        _position++;
        while (!Accept('}'))
        {
            if (result.Count > 0)
                Expect(',');
            SkipBlanks();
            string name = ReadString();
            Expect(':');
            result.Add(name, ReadValue());
        }
        return result;
    }

    private List<object?> ReadList()
    {
        var result = new List<object?>();
        _position++;
        while (!Accept(']'))
        {
            if (result.Count > 0)
                Expect(',');
            result.Add(ReadValue());
        }
        return result;
    }

    private string ReadString()
    {
        Expect('"');
        var result = new StringBuilder();
        while (_text[_position] != '"')
            result.Append(_text[_position] == '\\' ? ReadEscape() : _text[_position++]);
        _position++;
        return result.ToString();
    }

    private char ReadEscape()
    {
        char escape = _text[_position + 1];
        _position += 2;
        switch (escape)
        {
            case 'n': return '\n';
            case 't': return '\t';
            case 'r': return '\r';
            case 'b': return '\b';
            case 'f': return '\f';
            case 'u':
                _position += 4;
                return (char)int.Parse(_text.Substring(_position - 4, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            default: return escape;
        }
    }

    private object? ReadWord(string word, object? value)
    {
        if (string.CompareOrdinal(_text, _position, word, 0, word.Length) != 0)
            throw Failure(word);
        _position += word.Length;
        return value;
    }

    private object ReadNumber()
    {
        int start = _position;
        while (_position < _text.Length && "+-.0123456789eE".IndexOf(_text[_position]) >= 0)
            _position++;
        return double.TryParse(_text.Substring(start, _position - start), NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            ? number
            : throw Failure("a value");
    }

    private bool Accept(char expected)
    {
        SkipBlanks();
        if (_text[_position] != expected)
            return false;
        _position++;
        return true;
    }

    private void Expect(char expected)
    {
        if (!Accept(expected))
            throw Failure(expected.ToString());
    }

    private void SkipBlanks()
    {
        while (_position < _text.Length && char.IsWhiteSpace(_text[_position]))
            _position++;
    }

    private FormatException Failure(string expected) => new($"expected {expected} at character {_position} of the schemas");
}
