using KvStore.Server.Logging;

namespace KvStore.Server.Configuration;

/// <param name="Outputs">default, stderr, stdout, systemd/journal or paths of files.</param>
public sealed record LogOptions(LogLevel Level, LogFormat Format, IReadOnlyList<string> Outputs)
{
    public static readonly LogOptions Default = new(LogLevel.Info, LogFormat.Json, ["default"]);
}
