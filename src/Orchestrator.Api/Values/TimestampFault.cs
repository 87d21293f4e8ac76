using System.Globalization;

namespace Orchestrator.Api;

/// <summary>Finds out why a text is no time, in the words of Go's time package, which clients know.</summary>
internal ref struct TimestampFault
{
    private const string Layout = "2006-01-02T15:04:05Z07:00";
    private const string MicroLayout = "2006-01-02T15:04:05.000000Z07:00";

    private readonly string _text;
    private readonly string _layout;
    private ReadOnlySpan<char> _rest;
    private string? _fault;

    private TimestampFault(string text, bool isMicro)
    {
        _text = text;
        _layout = isMicro ? MicroLayout : Layout;
        _rest = text;
    }

    public static string Describe(string text, bool isMicro)
    {
        var scan = new TimestampFault(text, isMicro);
        scan.Scan();
        return scan._fault ?? scan.CannotParse("2006");
    }

    private void Scan()
    {
        int year = Number("2006", 4);
        Skip("-");
        int month = Number("01", 2);
        if (month is < 1 or > 12)
            OutOfRange("month");
        Skip("-");
        int day = Number("02", 2);
        Skip("T");
        ScanTimeOfDay();
        ScanOffset();
        if (_fault is null && _rest.Length > 0)
            _fault = $"parsing time {GoText.Quote(_text)}: extra text: {GoText.Quote(_rest.ToString())}";
        if (_fault is null && (day < 1 || day > CultureInfo.InvariantCulture.Calendar.GetDaysInMonth(Math.Max(year, 1), month)))
            OutOfRange("day");
    }

    private void ScanTimeOfDay()
    {
        if (Number("15", 2) >= 24)
            OutOfRange("hour");
        Skip(":");
        if (Number("04", 2) >= 60)
            OutOfRange("minute");
        Skip(":");
        if (Number("05", 2) >= 60)
            OutOfRange("second");
        if (_rest.Length > 1 && _rest[0] is '.' or ',' && char.IsAsciiDigit(_rest[1]))
        {
            _rest = _rest[1..];
            _rest = _rest.TrimStart("0123456789");
        }
    }

    private void ScanOffset()
    {
        if (_fault is not null)
            return;
        if (_rest.StartsWith("Z"))
            _rest = _rest[1..];
        else if (_rest.Length >= 6 && _rest[0] is '+' or '-' && _rest[3] == ':' && AreDigits(_rest.Slice(1, 2)) && AreDigits(_rest.Slice(4, 2)))
            _rest = _rest[6..];
        else
            _fault = CannotParse("Z07:00");
    }

    private int Number(string element, int digits)
    {
        if (_fault is not null)
            return 1;
        if (_rest.Length < digits || !AreDigits(_rest[..digits]))
        {
            _fault = CannotParse(element);
            return 1;
        }
        int number = int.Parse(_rest[..digits], NumberStyles.None, CultureInfo.InvariantCulture);
        _rest = _rest[digits..];
        return number;
    }

    private void Skip(string literal)
    {
        if (_fault is not null)
            return;
        if (_rest.StartsWith(literal))
            _rest = _rest[literal.Length..];
        else
            _fault = CannotParse(literal);
    }

    private void OutOfRange(string what) => _fault ??= $"parsing time {GoText.Quote(_text)}: {what} out of range";

    private readonly string CannotParse(string element) =>
        $"parsing time {GoText.Quote(_text)} as {GoText.Quote(_layout)}: cannot parse {GoText.Quote(_rest.ToString())} as {GoText.Quote(element)}";

    private static bool AreDigits(ReadOnlySpan<char> text)
    {
        foreach (char next in text)
        {
            if (!char.IsAsciiDigit(next))
                return false;
        }
        return true;
    }
}
