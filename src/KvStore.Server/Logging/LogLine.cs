using System.Globalization;

namespace KvStore.Server.Logging;

/// <summary>What one line says, before it is given a form.</summary>
internal readonly ref struct LogLine
{
    public required LogLevel Level { get; init; }

    public required DateTimeOffset Time { get; init; }

    /// <summary>Path of the source file that logs, as the compiler knew it; empty for lines of foreign code.</summary>
    public required string File { get; init; }

    public required int Line { get; init; }

    /// <summary>Name of the part that logs where it is not our own code, such as a Kestrel category.</summary>
    public string? Logger { get; init; }

    public required string Message { get; init; }

    public required ReadOnlySpan<(string Key, object? Value)> Fields { get; init; }

    public string LevelName => Level switch
    {
        LogLevel.Debug => "debug",
        LogLevel.Info => "info",
        LogLevel.Warn => "warn",
        LogLevel.Error => "error",
        _ => "fatal",
    };

    /// <summary>RFC 3339 in UTC with microseconds.</summary>
    public string Timestamp =>
        Time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    /// <summary>The last folder, the file and the line: <c>Members/RaftLoop.cs:88</c>.</summary>
    public string Caller
    {
        get
        {
            ReadOnlySpan<char> path = File;
            int slash = path.LastIndexOfAny('/', '\\');
            int folder = slash < 0 ? -1 : path[..slash].LastIndexOfAny('/', '\\');
            return string.Create(CultureInfo.InvariantCulture, $"{path[(folder + 1)..]}:{Line}");
        }
    }
}
