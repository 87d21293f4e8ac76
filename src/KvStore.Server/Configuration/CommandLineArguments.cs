namespace KvStore.Server.Configuration;

/// <summary>A command line as Go's flag package reads it: -f and --f alike, "=v" or the next argument, bare booleans.</summary>
internal static class CommandLineArguments
{
    /// <summary>Asks for the help, as -h and --help do.</summary>
    public const string HelpName = "help";

    /// <summary>The settings in their order; a <c>null</c> in it stands where help was asked for, and ends it.</summary>
    /// <exception cref="UsageException">With etcd's text.</exception>
    public static IReadOnlyList<FlagSetting?> Read(IReadOnlyList<string> arguments)
    {
        var settings = new List<FlagSetting?>();
        for (int i = 0; i < arguments.Count; i++)
        {
            string argument = arguments[i];
            string name = NameAndValue(argument, out string? value);
            if (FlagTable.Find(name) is not { } flag)
            {
                if (name is "h" or HelpName)
                    return [.. settings, null];
                throw new UsageException(DescribeUnknown(name));
            }
            if (value is null && !flag.TakesNoValue && ++i == arguments.Count)
                throw new UsageException($"flag needs an argument: -{name}");
            value ??= flag.TakesNoValue ? "true" : arguments[i];
            if (FlagSyntax.FindProblem(flag, value) is { } problem)
                throw new UsageException(DescribeInvalid(flag, name, value, problem));
            settings.Add(new FlagSetting(flag, name, value));
        }
        return settings;
    }

    private static string NameAndValue(string argument, out string? value)
    {
        value = null;
        if (argument.Length < 2 || argument[0] != '-' || argument == "--")
            throw new UsageException($"{GoSyntax.Quote(argument)} is not a valid flag: write --name=value");
        string name = argument[(argument[1] == '-' ? 2 : 1)..];
        if (name.Length == 0 || name[0] is '-' or '=')
            throw new UsageException($"bad flag syntax: {argument}");
        int equals = name.IndexOf('=');
        if (equals < 0)
            return name;
        value = name[(equals + 1)..];
        return name[..equals];
    }

    private static string DescribeInvalid(Flag flag, string name, string value, string problem)
    {
        string shown = flag.IsSecret ? "(secret)" : GoSyntax.Quote(value);
        return flag.Type == FlagType.Bool
            ? $"invalid boolean value {shown} for -{name}: {problem}"
            : $"invalid value {shown} for flag -{name}: {problem}";
    }

    private static string DescribeUnknown(string name)
    {
        string message = $"flag provided but not defined: -{name}";
        return FindSimilar(name) is { } similar ? $"{message} (did you mean --{similar}?)" : message;
    }

    private static string? FindSimilar(string name)
    {
        (string Name, int Distance) best = FlagTable.Flags
            .Where(flag => !flag.IsHidden)
            .SelectMany(flag => flag.OldNames.Prepend(flag.Name))
            .Select(known => (known, EditDistance(name, known)))
            .MinBy(pair => pair.Item2);
        // A third of the letters wrong is no longer a slip of the finger.
        return best.Distance * 3 <= Math.Max(name.Length, 3) ? best.Name : null;
    }

    /// <summary>Levenshtein's.</summary>
    private static int EditDistance(string a, string b)
    {
        int[] previous = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int[] current = new int[b.Length + 1];
            current[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                current[j] = Math.Min(replaced, Math.Min(previous[j], current[j - 1]) + 1);
            }
            previous = current;
        }
        return previous[b.Length];
    }
}
