using System.Globalization;
using System.Text.RegularExpressions;
using Orchestrator.Api.Selectors;

namespace Orchestrator.Api.Validation;

/// <summary>What names, labels, ports and addresses must look like. Each rule returns what is wrong, in Kubernetes' words; empty is sound.</summary>
/// <remarks>Lengths are bytes; all these texts are ASCII, or wrong anyway.</remarks>
internal static partial class NameRules
{
    public const int LabelLimit = 63;
    public const int SubdomainLimit = 253;
    private const string LabelPattern = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
    private const string SubdomainPattern = LabelPattern + "(\\." + LabelPattern + ")*";
    private const string Label1035Pattern = "[a-z]([-a-z0-9]*[a-z0-9])?";
    private const string WildcardPattern = "\\*\\." + SubdomainPattern;
    private const string ConfigKeyPattern = "[-._a-zA-Z0-9]+";
    private const string EnvPattern = "[-._a-zA-Z][-._a-zA-Z0-9]*";
    private const string IdentifierPattern = "[A-Za-z_][A-Za-z0-9_]*";
    private const string HeaderPattern = "[-A-Za-z0-9]+";
    private const string PercentPattern = "[0-9]+%";

    private static readonly List<string> _sound = [];

    public static List<string> DnsLabel(string value)
    {
        List<string> faults = value.Length > LabelLimit ? [MaxLength(LabelLimit)] : [];
        if (!LabelRegex().IsMatch(value))
        {
            // A sound subdomain that is no label has dots: say that, which is easier to grasp than a pattern.
            faults.Add(SubdomainRegex().IsMatch(value)
                ? "must not contain dots"
                : Pattern("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
                    + "with an alphanumeric character", LabelPattern, "my-name", "123-abc"));
        }
        return faults;
    }

    public static List<string> DnsSubdomain(string value)
    {
        List<string> faults = value.Length > SubdomainLimit ? [MaxLength(SubdomainLimit)] : [];
        if (!SubdomainRegex().IsMatch(value))
            faults.Add(Pattern("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
                + "start and end with an alphanumeric character", SubdomainPattern, "example.com"));
        return faults;
    }

    public static List<string> WildcardDnsSubdomain(string value)
    {
        List<string> faults = value.Length > SubdomainLimit ? [MaxLength(SubdomainLimit)] : [];
        if (!WildcardRegex().IsMatch(value))
            faults.Add(Pattern("a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
                + "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character", WildcardPattern, "*.example.com"));
        return faults;
    }

    public static List<string> Dns1035Label(string value)
    {
        List<string> faults = value.Length > LabelLimit ? [MaxLength(LabelLimit)] : [];
        if (!Label1035Regex().IsMatch(value))
            faults.Add(Pattern("a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
                + "character, and end with an alphanumeric character", Label1035Pattern, "my-name", "abc-123"));
        return faults;
    }

    /// <summary>A name that may have a DNS subdomain before a slash: keys of labels and annotations, types of conditions.</summary>
    public static IReadOnlyList<string> QualifiedName(string value) => LabelSyntax.QualifiedNameErrors(value);

    public static IReadOnlyList<string> LabelValue(string value) => LabelSyntax.ValueErrors(value);

    /// <summary>What may stand between two slashes of a path: names of RBAC's roles.</summary>
    public static List<string> PathSegment(string value)
    {
        switch (value)
        {
            case ".": return ["may not be '.'"];
            case "..": return ["may not be '..'"];
        }
        return [.. new[] { "/", "%" }.Where(value.Contains).Select(part => $"may not contain '{part}'")];
    }

    public static List<string> PathSegmentPrefix(string value) =>
        [.. new[] { "/", "%" }.Where(value.Contains).Select(part => $"may not contain '{part}'")];

    public static List<string> ConfigMapKey(string value)
    {
        List<string> faults = value.Length > SubdomainLimit ? [MaxLength(SubdomainLimit)] : [];
        if (!ConfigKeyRegex().IsMatch(value))
            faults.Add(Pattern("a valid config key must consist of alphanumeric characters, '-', '_' or '.'", ConfigKeyPattern,
                "key.name", "KEY_NAME", "key-name"));
        faults.AddRange(DotFaults(value));
        return faults;
    }

    /// <summary>Names of environment variables: since 1.32 all printable ASCII but <c>=</c>.</summary>
    public static List<string> EnvironmentName(string value)
    {
        if (value.Length == 0 || value.Any(c => c is < ' ' or > '~' or '='))
            return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
        return _sound;
    }

    public static List<string> CIdentifier(string value) => IdentifierRegex().IsMatch(value)
        ? _sound
        : [Pattern("a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
            IdentifierPattern, "my_name", "MY_NAME", "MyName")];

    /// <summary>The old rule, which prefixes of environment variables still follow in messages.</summary>
    public static List<string> OldEnvironmentName(string value)
    {
        List<string> faults = [];
        if (!EnvRegex().IsMatch(value))
            faults.Add(Pattern("a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must "
                + "not start with a digit", EnvPattern, "my.env-name", "MY_ENV.NAME", "MyEnvName1"));
        faults.AddRange(DotFaults(value));
        return faults;
    }

    public static List<string> HeaderName(string value) => HeaderRegex().IsMatch(value)
        ? _sound
        : [Pattern("a valid HTTP header must consist of alphanumeric characters or '-'", HeaderPattern, "X-Header-Name")];

    public static List<string> PortNumber(long value) => value is >= 1 and <= 65535 ? _sound : [Range(1, 65535)];

    /// <summary>A port's name as IANA has it: <c>http</c>, <c>dns-tcp</c>.</summary>
    public static List<string> PortName(string value)
    {
        var faults = new List<string>();
        if (value.Length > 15)
            faults.Add(MaxLength(15));
        if (!PortCharactersRegex().IsMatch(value))
            faults.Add("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
        if (!value.Any(c => c is >= 'a' and <= 'z'))
            faults.Add("must contain at least one letter (a-z)");
        if (value.Contains("--", StringComparison.Ordinal))
            faults.Add("must not contain consecutive hyphens");
        if (value.Length > 0 && (value[0] == '-' || value[^1] == '-'))
            faults.Add("must not begin or end with a hyphen");
        return faults;
    }

    public static List<string> Percentage(string value) => PercentRegex().IsMatch(value)
        ? _sound
        : [Pattern("a valid percent string must be a numeric string followed by an ending '%'", PercentPattern, "1%", "93%")];

    public static List<string> UserOrGroupId(long value) => value is >= 0 and <= int.MaxValue ? _sound : [Range(0, int.MaxValue)];

    public static List<string> IpAddress(string value) => Addresses.TryParse(value, out _)
        ? _sound
        : ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"];

    public static List<string> Cidr(string value) => Addresses.TryParseCidr(value, out _, out _)
        ? _sound
        : ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"];

    public static string MaxLength(int length) => string.Create(CultureInfo.InvariantCulture, $"must be no more than {length} bytes");

    public static string Range(long low, long high) =>
        string.Create(CultureInfo.InvariantCulture, $"must be between {low} and {high}, inclusive");

    /// <summary>A pattern with examples, as all these messages have it.</summary>
    public static string Pattern(string message, string pattern, params ReadOnlySpan<string> examples)
    {
        var text = new System.Text.StringBuilder(message).Append(" (e.g. ");
        for (int i = 0; i < examples.Length; i++)
            text.Append(i == 0 ? "" : " or ").Append('\'').Append(examples[i]).Append("', ");
        return text.Append("regex used for validation is '").Append(pattern).Append("')").ToString();
    }

    private static IEnumerable<string> DotFaults(string value)
    {
        if (value is "." or "..")
            yield return $"must not be '{value}'";
        else if (value.StartsWith("..", StringComparison.Ordinal))
            yield return "must not start with '..'";
    }

    [GeneratedRegex("\\A" + LabelPattern + "\\z")]
    private static partial Regex LabelRegex();

    [GeneratedRegex("\\A" + SubdomainPattern + "\\z")]
    private static partial Regex SubdomainRegex();

    [GeneratedRegex("\\A" + Label1035Pattern + "\\z")]
    private static partial Regex Label1035Regex();

    [GeneratedRegex("\\A" + WildcardPattern + "\\z")]
    private static partial Regex WildcardRegex();

    [GeneratedRegex("\\A" + ConfigKeyPattern + "\\z")]
    private static partial Regex ConfigKeyRegex();

    [GeneratedRegex("\\A" + EnvPattern + "\\z")]
    private static partial Regex EnvRegex();

    [GeneratedRegex("\\A" + IdentifierPattern + "\\z")]
    private static partial Regex IdentifierRegex();

    [GeneratedRegex("\\A" + HeaderPattern + "\\z")]
    private static partial Regex HeaderRegex();

    [GeneratedRegex("\\A" + PercentPattern + "\\z")]
    private static partial Regex PercentRegex();

    [GeneratedRegex("\\A[-a-z0-9]+\\z")]
    private static partial Regex PortCharactersRegex();
}
