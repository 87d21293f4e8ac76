using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.Runtime.InteropServices;
using KvStore.Server.Logging;

namespace KvStore.Server.Configuration;

/// <summary>The command <c>kvstore [flags]</c>, and the root of its subcommands.</summary>
/// <remarks>
/// The options of the root come from the table of flags. Arguments are first brought from Go's manners (one dash, bare
/// booleans, empty values, the last of several counts) into the one form that the parser knows: --name=value.
/// </remarks>
public sealed class ServerCommand
{
    public const string Program = "kvstore";

    private const int Success = 0;
    private const int Failure = 1;
    private const int UsageFailure = 2;

    private static readonly ParserConfiguration Parsing = new() { EnablePosixBundling = false, ResponseFileTokenReplacer = null };

    private readonly ProcessEnvironment _environment;
    private readonly Func<ServerOptions, CancellationToken, Task<int>> _serve;
    private readonly RootCommand _root = new("A key-value store that speaks etcd's v3 API.");
    private readonly Dictionary<string, Option<string[]>> _options = [];
    private readonly Dictionary<string, Func<Command>> _subcommands = [];

    /// <param name="serve">Runs the member until it ends, and returns the exit code. The log is open when it is called.</param>
    public ServerCommand(ProcessEnvironment environment, Func<ServerOptions, CancellationToken, Task<int>> serve)
    {
        _environment = environment;
        _serve = serve;
        // Both are flags of etcd's, which the table has.
        foreach (Option builtIn in _root.Options.ToArray())
            _root.Options.Remove(builtIn);
        foreach (Flag flag in FlagTable.Flags)
        {
            foreach (string name in flag.OldNames.Prepend(flag.Name))
                AddOption(flag, name);
        }
    }

    /// <summary>Such as <c>kvstore snapshot</c>; its options are its own, and each command explains itself.</summary>
    /// <param name="create">Called only when the command, or help, is asked for: a member's start does not wait for it.</param>
    public void Add(string name, Func<Command> create) => _subcommands.Add(name, create);

    private Command Create(Func<Command> create)
    {
        Command subcommand = create();
        AddHelp(subcommand);
        _root.Subcommands.Add(subcommand);
        return subcommand;
    }

    private static void AddHelp(Command command)
    {
        command.Options.Add(new HelpOption());
        foreach (Command subcommand in command.Subcommands)
            AddHelp(subcommand);
    }

    public async Task<int> InvokeAsync(IReadOnlyList<string> arguments, CancellationToken stopping = default)
    {
        if (arguments.Count > 0 && _subcommands.TryGetValue(arguments[0], out var create))
        {
            Create(create);
            return await CommandLineParser.Parse(_root, arguments, Parsing)
                .InvokeAsync(new InvocationConfiguration { Output = _environment.Output, Error = _environment.Error }, stopping);
        }
        try
        {
            IReadOnlyList<FlagSetting?> settings = CommandLineArguments.Read(arguments);
            return settings.Contains(null) ? Help() : await RunAsync(Parse(settings.OfType<FlagSetting>()), stopping);
        }
        catch (UsageException problem)
        {
            _environment.Error.WriteLine(problem.Message);
            _environment.Error.WriteLine($"Run '{Program} --help' to see all flags.");
            return UsageFailure;
        }
    }

    private void AddOption(Flag flag, string name)
    {
        var option = new Option<string[]>("--" + name)
        {
            Description = flag.Description,
            Hidden = flag.IsHidden,
            Arity = new ArgumentArity(1, ArgumentArity.OneOrMore.MaximumNumberOfValues),
            AllowMultipleArgumentsPerToken = false,
        };
        _options.Add(name, option);
        _root.Options.Add(option);
    }

    private List<FlagSetting> Parse(IEnumerable<FlagSetting> settings)
    {
        // "--name=" would count as no value; a token of its own is one, though empty.
        ParseResult result = CommandLineParser.Parse(
            _root,
            [.. settings.SelectMany(setting => setting.Text.Length > 0
                ? (string[])[$"--{setting.Spelling}={setting.Text}"]
                : ["--" + setting.Spelling, ""])],
            Parsing);
        var parsed = new List<FlagSetting>();
        foreach ((string name, Option<string[]> option) in _options)
        {
            if (result.GetResult(option) is { Tokens: [.., var last] } && FlagTable.Find(name) is { } flag)
                parsed.Add(new FlagSetting(flag, name, last.Value));
        }
        return parsed;
    }

    private int Help()
    {
        HelpText.Write(
            _environment.Output, Program, _subcommands.Values.Select(Create).Select(command => (command.Name, command.Description)));
        return Success;
    }

    private int Version()
    {
        // Scripts take etcd's version from the first line.
        _environment.Output.WriteLine($"etcd Version: {ServerVersion.Etcd}");
        _environment.Output.WriteLine($"{Program} Version: {ServerVersion.Own}");
        _environment.Output.WriteLine($"Runtime: {RuntimeInformation.FrameworkDescription}");
        _environment.Output.WriteLine($"OS/Arch: {RuntimeInformation.OSDescription}/{RuntimeInformation.OSArchitecture}");
        return Success;
    }

    private async Task<int> RunAsync(List<FlagSetting> settings, CancellationToken stopping)
    {
        if (settings.Any(setting => setting is { Flag.Name: "version", IsOn: true }))
            return Version();
        try
        {
            LoadedConfiguration loaded = ConfigurationReader.Read(settings, _environment.Variables, _environment.ReadFile);
            using Logger logger = OpenLog(loaded.Options.Log);
            return await ServeAsync(loaded, logger, stopping);
        }
        catch (ConfigurationException problem)
        {
            Report(problem);
            return Failure;
        }
    }

    private async Task<int> ServeAsync(LoadedConfiguration loaded, Logger logger, CancellationToken stopping)
    {
        Log.Current = logger;
        try
        {
            LogStart(loaded);
            return await _serve(loaded.Options, stopping);
        }
        finally
        {
            Log.Current = Logger.Silent;
        }
    }

    private Logger OpenLog(LogOptions options) =>
        new(options.Level, options.Format, _environment.OpenLog(options.Outputs), _environment.Clock);

    private static void LogStart(LoadedConfiguration loaded)
    {
        Log.Info("starting", ("program", Program), ("version", ServerVersion.Own), ("etcd-version", ServerVersion.Etcd),
            ("settings", loaded.Options.CommandLine));
        foreach (ConfigurationNotice notice in loaded.Notices)
            Log.Write(notice.Level, notice.Message, notice.Fields);
    }

    /// <summary>The log may not be open, or may be what is wrong: such problems go to stderr, in the default form.</summary>
    private void Report(ConfigurationException problem)
    {
        using var logger = new Logger(
            LogLevel.Info, LogFormat.Json, _environment.OpenLog(LogOptions.Default.Outputs), _environment.Clock);
        foreach (string text in problem.Problems)
            logger.Write(LogLevel.Fatal, "failed to verify flags", [("error", text)], "Configuration/ServerCommand.cs", 0);
    }
}
