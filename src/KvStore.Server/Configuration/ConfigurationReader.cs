using KvStore.Server.Logging;

namespace KvStore.Server.Configuration;

/// <summary>Brings command line, environment and file together: the file alone if there is one, else the other two.</summary>
public static class ConfigurationReader
{
    /// <param name="arguments">The command line behind the program's name.</param>
    /// <param name="variables">All of the process's, or those that a test gives it.</param>
    /// <param name="readFile">Reads the file of --config-file.</param>
    /// <exception cref="UsageException">The command line is wrong in itself.</exception>
    /// <exception cref="ConfigurationException">Something does not make sense; all that is wrong is named at once.</exception>
    public static LoadedConfiguration Read(
        IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> variables, Func<string, string> readFile)
    {
        IReadOnlyList<FlagSetting?> settings = CommandLineArguments.Read(arguments);
        return Read([.. settings.OfType<FlagSetting>()], variables, readFile);
    }

    /// <summary>Options from flags alone, without environment and file.</summary>
    public static ServerOptions FromFlags(params string[] arguments) =>
        Read(arguments, new Dictionary<string, string>(), File.ReadAllText).Options;

    internal static LoadedConfiguration Read(
        IReadOnlyList<FlagSetting> settings, IReadOnlyDictionary<string, string> variables, Func<string, string> readFile)
    {
        var notices = new List<ConfigurationNotice>();
        var values = new FlagValues();
        foreach (FlagSetting setting in settings)
            values.Set(setting);
        CheckSpellings(settings);
        string path = values.Text("config-file");
        if (path.Length == 0)
            path = variables.GetValueOrDefault(EnvironmentVariables.ConfigFile, "");
        if (path.Length > 0)
            values = ReadFile(path, values, readFile, notices);
        else
            EnvironmentVariables.Read(variables, values, notices);
        AddNotices(values, notices);
        return new LoadedConfiguration(OptionsBuilder.Build(values, notices, isFromFile: path.Length > 0), notices);
    }

    /// <summary>A flag under two names at once would leave open which of the values counts.</summary>
    private static void CheckSpellings(IReadOnlyList<FlagSetting> settings)
    {
        foreach (IGrouping<Flag, FlagSetting> group in settings.GroupBy(setting => setting.Flag))
        {
            string? old = group.Select(setting => setting.Spelling).FirstOrDefault(name => name != group.Key.Name);
            if (old is not null && group.Any(setting => setting.Spelling == group.Key.Name))
            {
                throw new ConfigurationException(
                    $"cannot set --{old} and --{group.Key.Name} at the same time, please use --{group.Key.Name} only");
            }
        }
    }

    private static FlagValues ReadFile(
        string path, FlagValues flags, Func<string, string> readFile, List<ConfigurationNotice> notices)
    {
        string content;
        try
        {
            content = readFile(path);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"--config-file: cannot read {GoSyntax.Quote(path)}: {fault.Message}");
        }
        string[] ignored = [.. flags.Settings.Select(setting => setting.Flag.Name).Where(name => name != "config-file").Order()];
        notices.Add(new(
            ignored.Length == 0 ? LogLevel.Info : LogLevel.Warn,
            "loaded server configuration, other configuration command line flags and environment variables will be ignored "
            + "if provided",
            ("path", path), ("ignored-flags", ignored)));
        return ConfigurationFile.Read(path, content, notices);
    }

    /// <summary>What is set and has no effect, and what is set by a former name.</summary>
    private static void AddNotices(FlagValues values, List<ConfigurationNotice> notices)
    {
        foreach (FlagSetting setting in values.Settings)
        {
            if (setting.Spelling != setting.Flag.Name)
            {
                notices.Add(new(
                    LogLevel.Warn, "flag has a former name, which etcd drops in 3.7", ("flag", setting.Spelling),
                    ("use", setting.Flag.Name)));
            }
            if (setting.Flag.Status == FlagStatus.Accepted)
            {
                notices.Add(new(
                    LogLevel.Warn, "flag has no effect", ("flag", setting.Spelling), ("reason", setting.Flag.Reason)));
            }
        }
    }
}
