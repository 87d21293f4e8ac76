using System.Globalization;

namespace Orchestrator.Api;

/// <summary>A number or a text: a port by number or by name, a count or a percentage.</summary>
public readonly struct IntOrString : IEquatable<IntOrString>
{
    private readonly int _number;
    private readonly string? _text;

    private IntOrString(int number, string? text)
    {
        _number = number;
        _text = text;
    }

    public bool IsInt => _text is null;

    /// <summary>The number; of a text the number that it spells, and 0 where it spells none.</summary>
    public int IntValue => _text is null
        ? _number
        : int.TryParse(_text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) ? number : 0;

    /// <summary>The text; of a number its digits.</summary>
    public string StringValue => _text ?? _number.ToString(CultureInfo.InvariantCulture);

    public static IntOrString FromInt(int value) => new(value, null);

    public static IntOrString FromString(string value) => new(0, value);

    /// <summary>Takes what a person typed: digits are a number, all else is text.</summary>
    public static IntOrString Parse(string value) =>
        int.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)
            ? FromInt(number)
            : FromString(value);

    public static implicit operator IntOrString(int value) => FromInt(value);

    public static implicit operator IntOrString(string value) => FromString(value);

    public static bool operator ==(IntOrString left, IntOrString right) => left.Equals(right);

    public static bool operator !=(IntOrString left, IntOrString right) => !left.Equals(right);

    /// <summary>The number itself, or that percentage of <paramref name="total"/>.</summary>
    /// <exception cref="FormatException">The text is no percentage; its message is Kubernetes' own.</exception>
    public int Scaled(int total, bool roundUp)
    {
        if (IsInt)
            return _number;
        if (!TryGetPercentage(out int percentage, out string error))
            throw new FormatException("invalid value for IntOrString: " + error);
        double share = (double)percentage * total / 100;
        return (int)(roundUp ? Math.Ceiling(share) : Math.Floor(share));
    }

    /// <summary>Whether it is a text like <c>25%</c>; <paramref name="error"/> says in Kubernetes' words why not.</summary>
    public bool TryGetPercentage(out int percentage, out string error)
    {
        percentage = 0;
        error = "";
        if (_text is null || !_text.EndsWith('%'))
            error = "invalid type: string is not a percentage";
        else if (!int.TryParse(_text.AsSpan(0, _text.Length - 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out percentage))
            error = $"invalid value {GoText.Quote(_text)}: strconv.Atoi: parsing {GoText.Quote(_text[..^1])}: invalid syntax";
        return error.Length == 0;
    }

    public bool Equals(IntOrString other) => _number == other._number && _text == other._text;

    public override bool Equals(object? obj) => obj is IntOrString other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(_number, _text);

    public override string ToString() => StringValue;
}
