using KvStore.Server.Logging;

namespace KvStore.Server.Configuration;

/// <summary>The <c>ETCD_*</c> variables: each flag's name in capitals with underscores.</summary>
internal static class EnvironmentVariables
{
    public const string ConfigFile = "ETCD_CONFIG_FILE";

    private const string Prefix = "ETCD_";

    /// <summary>Adds to <paramref name="values"/>, which hold the command line's, what the variables set.</summary>
    /// <exception cref="ConfigurationException">A variable is invalid, or set beside its flag: which of them counts?</exception>
    public static void Read(
        IReadOnlyDictionary<string, string> variables, FlagValues values, ICollection<ConfigurationNotice> notices)
    {
        var byVariable = FlagTable.Flags.Where(flag => !flag.IsHidden)
            .SelectMany(flag => flag.OldNames.Append(flag.Name), (flag, name) => (Flag: flag, Name: name))
            .ToDictionary(pair => VariableOf(pair.Name));
        var problems = new List<string>();
        foreach ((string variable, string text) in variables.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            // An empty variable counts as not set, as for etcd.
            if (!variable.StartsWith(Prefix, StringComparison.Ordinal) || text.Length == 0 || variable == ConfigFile)
                continue;
            if (variable == "ETCD_VERSION")
            {
                notices.Add(new(LogLevel.Warn, "cannot set special environment variable", ("key", variable), ("value", text)));
                continue;
            }
            if (!byVariable.TryGetValue(variable, out (Flag Flag, string Name) found))
            {
                notices.Add(new(
                    LogLevel.Warn, "unrecognized environment variable", ("environment-variable", $"{variable}={text}")));
                continue;
            }
            if (FindProblem(found.Flag, variable, text, values) is { } problem)
            {
                problems.Add(problem);
                continue;
            }
            values.Set(new FlagSetting(found.Flag, found.Name, text));
            notices.Add(new(
                LogLevel.Info, "recognized and used environment variable", ("variable-name", variable),
                ("variable-value", found.Flag.IsSecret ? "(secret)" : text)));
        }
        if (problems.Count > 0)
            throw new ConfigurationException(problems);
    }

    private static string? FindProblem(Flag flag, string variable, string text, FlagValues values)
    {
        if (values.IsSet(flag.Name))
        {
            return "conflicting environment variable is shadowed by corresponding command-line flag "
                + $"(either unset environment variable or disable flag): {variable}";
        }
        return FlagSyntax.FindProblem(flag, text) is { } problem
            ? $"invalid value {(flag.IsSecret ? "(secret)" : GoSyntax.Quote(text))} for {variable}: {problem}"
            : null;
    }

    private static string VariableOf(string name) => Prefix + name.ToUpperInvariant().Replace('-', '_');
}
