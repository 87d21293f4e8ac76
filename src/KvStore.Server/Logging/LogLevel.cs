namespace KvStore.Server.Logging;

/// <summary>How much a line matters; a logger writes the lines at or above its own level.</summary>
public enum LogLevel
{
    Debug,
    Info,
    Warn,
    Error,

    /// <summary>The process is about to end. etcd's level names "panic" and "dpanic" mean this one too.</summary>
    Fatal,

    /// <summary>Nothing is written.</summary>
    Off,
}
