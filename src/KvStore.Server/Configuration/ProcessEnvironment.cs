using System.Collections;

namespace KvStore.Server.Configuration;

/// <summary>What a command takes from the process around it; a test gives its own.</summary>
public sealed record ProcessEnvironment
{
    public required IReadOnlyDictionary<string, string> Variables { get; init; }

    public required Func<string, string> ReadFile { get; init; }

    public required TextWriter Output { get; init; }

    public required TextWriter Error { get; init; }

    /// <summary>Opens the log's sinks.</summary>
    public required Func<IReadOnlyList<string>, IReadOnlyList<Stream>> OpenLog { get; init; }

    public required TimeProvider Clock { get; init; }

    /// <summary>The real one.</summary>
    public static ProcessEnvironment Current() => new()
    {
        Variables = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .ToDictionary(entry => (string)entry.Key, entry => (string?)entry.Value ?? ""),
        ReadFile = File.ReadAllText,
        Output = Console.Out,
        Error = Console.Error,
        OpenLog = Logging.LogSinks.Open,
        Clock = TimeProvider.System,
    };
}
