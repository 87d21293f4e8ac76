using System.Text;

namespace Orchestrator.Api.Selectors;

/// <summary>Picks objects by a few of their fields: <c>metadata.name=a,status.phase!=Failed</c>; all must hold.</summary>
public sealed class FieldSelector
{
    private static readonly string[] Operators = ["!=", "==", "="];

    private readonly FieldRequirement[] _requirements;

    private FieldSelector(FieldRequirement[] requirements) => _requirements = requirements;

    public static FieldSelector Everything { get; } = new([]);

    /// <summary>In the ordinal order of their text.</summary>
    public IReadOnlyList<FieldRequirement> Requirements => _requirements;

    public bool IsEverything => _requirements.Length == 0;

    /// <summary>Reads the text form. Values may hold <c>\\</c>, <c>\,</c> and <c>\=</c>.</summary>
    /// <exception cref="ApiException">400 with Kubernetes' text.</exception>
    public static FieldSelector Parse(string text) =>
        TryParse(text, out var selector, out string error) ? selector : throw ApiErrors.BadRequest(error);

    /// <param name="error">Kubernetes' text if the answer is false; else empty.</param>
    public static bool TryParse(string text, out FieldSelector selector, out string error)
    {
        try
        {
            var terms = SplitTerms(text).Order(StringComparer.Ordinal).Where(term => term.Length > 0);
            selector = new FieldSelector([.. terms.Select(term => ParseTerm(text, term))]);
            error = "";
            return true;
        }
        catch (FormatException refusal)
        {
            selector = Everything;
            error = refusal.Message;
            return false;
        }
    }

    public static FieldSelector Of(string field, string value) => new([new FieldRequirement(field, IsNegated: false, value)]);

    /// <param name="valueOf">The text of a field; null stands for the empty one.</param>
    public bool Matches(Func<string, string?> valueOf)
    {
        foreach (var requirement in _requirements)
        {
            if (!requirement.Matches(valueOf(requirement.Field)))
                return false;
        }
        return true;
    }

    /// <summary>The one value that <paramref name="field"/> must have, if the selector says so.</summary>
    public bool TryGetExact(string field, out string value)
    {
        foreach (var requirement in _requirements)
        {
            if (!requirement.IsNegated && requirement.Field == field)
            {
                value = requirement.Value;
                return true;
            }
        }
        value = "";
        return false;
    }

    /// <summary>The text form; <see cref="Parse"/> reads it back.</summary>
    public override string ToString() => string.Join(',', _requirements);

    internal static string Escape(string value) =>
        value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal)
            .Replace("=", "\\=", StringComparison.Ordinal);

    /// <summary>Parts the text at commas that no backslash stands before.</summary>
    private static List<string> SplitTerms(string text)
    {
        var terms = new List<string>();
        int start = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\')
            {
                i++;
            }
            else if (text[i] == ',')
            {
                terms.Add(text[start..i]);
                start = i + 1;
            }
        }
        terms.Add(text[start..]);
        return terms;
    }

    private static FieldRequirement ParseTerm(string text, string term)
    {
        for (int i = 0; i < term.Length; i++)
        {
            foreach (string @operator in Operators)
            {
                if (term.AsSpan(i).StartsWith(@operator, StringComparison.Ordinal))
                    return new FieldRequirement(term[..i], @operator == "!=", Unescape(term[(i + @operator.Length)..]));
            }
        }
        throw new FormatException($"invalid selector: '{text}'; can't understand '{term}'");
    }

    private static string Unescape(string value)
    {
        if (value.AsSpan().IndexOfAny('\\', ',', '=') < 0)
            return value;
        var plain = new StringBuilder(value.Length);
        for (int i = 0; i < value.Length; i++)
        {
            char c = value[i];
            if (c is ',' or '=')
                throw new FormatException($"invalid field selector: unescaped character in value: {c}");
            if (c == '\\')
            {
                i++;
                if (i == value.Length || value[i] is not ('\\' or ',' or '='))
                    throw new FormatException($"invalid field selector: invalid escape sequence: {value.AsSpan(i - 1, Math.Min(2, value.Length - i + 1))}");
                c = value[i];
            }
            plain.Append(c);
        }
        return plain.ToString();
    }
}
