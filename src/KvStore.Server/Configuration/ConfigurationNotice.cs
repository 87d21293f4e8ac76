using KvStore.Server.Logging;

namespace KvStore.Server.Configuration;

/// <summary>Something that reading the configuration has to say; logged once the log that it configures is open.</summary>
public sealed record ConfigurationNotice(LogLevel Level, string Message, params (string Key, object? Value)[] Fields);
