namespace KvStore.Server.Logging;

public enum LogFormat
{
    /// <summary>One JSON object a line: level, ts, caller, msg, then the fields; what etcd's zap logger writes.</summary>
    Json,

    /// <summary>The same for people: tab-separated, the fields as a JSON object at the end.</summary>
    Console,
}
