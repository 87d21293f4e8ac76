namespace Orchestrator.Api.Selectors;

/// <summary>What keys and values of labels may look like, with the sentences that say what is wrong.</summary>
public static class LabelSyntax
{
    private const int NameLimit = 63;
    private const int SubdomainLimit = 253;

    private const string NamePattern = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

    private const string NameRule =
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

    /// <summary>A name, with a DNS subdomain and a slash before it or not: <c>app</c>, <c>example.com/app</c>.</summary>
    /// <returns>What is wrong; nothing if it is well-formed.</returns>
    public static IReadOnlyList<string> QualifiedNameErrors(string text)
    {
        var errors = new List<string>();
        string[] parts = text.Split('/');
        if (parts.Length > 2)
        {
            errors.Add("a qualified name " + Explain(NameRule, NamePattern, "MyName", "my.name", "123-abc") +
                " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')");
            return errors;
        }
        if (parts.Length == 2)
        {
            if (parts[0].Length == 0)
                errors.Add("prefix part must be non-empty");
            else
                errors.AddRange(SubdomainErrors(parts[0]).Select(error => "prefix part " + error));
        }
        string name = parts[^1];
        if (name.Length == 0)
            errors.Add("name part must be non-empty");
        else if (name.Length > NameLimit)
            errors.Add($"name part must be no more than {NameLimit} bytes");
        if (!IsName(name))
            errors.Add("name part " + Explain(NameRule, NamePattern, "MyName", "my.name", "123-abc"));
        return errors;
    }

    /// <returns>What is wrong; nothing if it may be a label's value.</returns>
    public static IReadOnlyList<string> ValueErrors(string value)
    {
        var errors = new List<string>();
        if (value.Length > NameLimit)
            errors.Add($"must be no more than {NameLimit} bytes");
        if (value.Length > 0 && !IsName(value))
        {
            errors.Add(Explain("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', " +
                "and must start and end with an alphanumeric character", $"({NamePattern})?", "MyValue", "my_value", "12345"));
        }
        return errors;
    }

    private static IEnumerable<string> SubdomainErrors(string text)
    {
        if (text.Length > SubdomainLimit)
            yield return $"must be no more than {SubdomainLimit} bytes";
        if (!text.Split('.').All(IsDnsLabel))
        {
            yield return Explain("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', " +
                "and must start and end with an alphanumeric character",
                @"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", "example.com");
        }
    }

    private static bool IsName(string text) =>
        text.Length > 0 && char.IsAsciiLetterOrDigit(text[0]) && char.IsAsciiLetterOrDigit(text[^1]) &&
        text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    private static bool IsDnsLabel(string text) =>
        text.Length > 0 && IsLowerOrDigit(text[0]) && IsLowerOrDigit(text[^1]) && text.All(c => IsLowerOrDigit(c) || c == '-');

    private static bool IsLowerOrDigit(char c) => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c);

    private static string Explain(string rule, string pattern, params string[] examples) =>
        $"{rule} (e.g. {string.Join(" or ", examples.Select(example => $"'{example}', "))}regex used for validation is '{pattern}')";
}
