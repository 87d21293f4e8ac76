using Microsoft.Extensions.Logging;
using ExtensionsLevel = Microsoft.Extensions.Logging.LogLevel;

namespace KvStore.Server.Logging;

/// <summary>Brings what ASP.NET Core and Kestrel log into the process's log, under the category's name.</summary>
/// <remarks>Requests that clients broke off are their everyday noise: only warnings and worse come through.</remarks>
public sealed class KestrelLogProvider(Logger target) : ILoggerProvider
{
    public ILogger CreateLogger(string categoryName) => new CategoryLogger(target, categoryName);

    /// <summary>The target is not owned.</summary>
    public void Dispose()
    {
    }

    private sealed class CategoryLogger(Logger target, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(ExtensionsLevel logLevel) =>
            logLevel >= ExtensionsLevel.Warning && target.IsEnabled(Translate(logLevel));

        public void Log<TState>(
            ExtensionsLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
                return;
            string message = formatter(state, exception);
            if (exception is null)
                target.Write(Translate(logLevel), message, [], file: "", line: 0, category);
            else
                target.Write(Translate(logLevel), message, [("error", exception)], file: "", line: 0, category);
        }

        private static LogLevel Translate(ExtensionsLevel level) => level switch
        {
            ExtensionsLevel.Trace or ExtensionsLevel.Debug => LogLevel.Debug,
            ExtensionsLevel.Information => LogLevel.Info,
            ExtensionsLevel.Warning => LogLevel.Warn,
            ExtensionsLevel.None => LogLevel.Off,
            // Kestrel's "critical" is about one of its parts; whether the process ends is not its decision.
            _ => LogLevel.Error,
        };
    }
}
