using System.Numerics;

namespace KvStore.Server.Configuration;

/// <summary>Whether a text is a value of a flag at all, before anyone asks whether the values go together.</summary>
internal static class FlagSyntax
{
    /// <summary>What is wrong with it, in etcd's words where etcd has some; null if nothing.</summary>
    public static string? FindProblem(Flag flag, string text) => flag.Type switch
    {
        // etcd's flags of its past take no value and do not look at one.
        FlagType.Bool when flag.IsHidden => null,
        FlagType.Bool => GoSyntax.TryParseBool(text, out _) ? null : "parse error (write true or false)",
        FlagType.Int => FindProblem(text, long.MinValue, long.MaxValue),
        FlagType.Uint => FindProblem(text, 0, long.MaxValue),
        FlagType.Uint32 => FindProblem(text, 0, uint.MaxValue),
        FlagType.Duration => GoSyntax.TryParseDuration(text, out _)
            ? null
            : "parse error (write a number with a unit: 100ms, 5s, 1h5m)",
        FlagType.Urls => FindUrlProblem(text),
        FlagType.FeatureGates => FindGateProblem(text),
        _ when flag.Choices.Count > 0 && !flag.Choices.Contains(text) =>
            $"invalid value (must be one of: {string.Join(", ", flag.Choices.Where(choice => choice.Length > 0))})",
        _ => null,
    };

    private static string? FindProblem(string text, BigInteger least, BigInteger most)
    {
        if (!GoSyntax.TryParseInteger(text, out BigInteger value) || (least.IsZero && text.StartsWith('-')))
            return $"parse error (write a whole number{(least.IsZero ? " that is not negative" : "")})";
        return value < least || value > most ? $"value out of range (from {least} to {most})" : null;
    }

    private static string? FindUrlProblem(string text)
    {
        if (text.Length == 0)
            return null;
        try
        {
            EtcdUrl.ParseList(text);
            return null;
        }
        catch (FormatException problem)
        {
            return problem.Message;
        }
    }

    private static string? FindGateProblem(string text)
    {
        foreach (string setting in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = setting.IndexOf('=');
            if (equals < 0)
                return $"missing bool value for {setting}";
            string feature = setting[..equals].Trim();
            string value = setting[(equals + 1)..].Trim();
            if (!FlagTable.FeatureGates.ContainsKey(feature) && feature is not ("AllAlpha" or "AllBeta"))
                return $"unrecognized feature gate: {feature}";
            if (!GoSyntax.TryParseBool(value, out _))
                return $"invalid value of {setting}, write true or false";
        }
        return null;
    }
}
