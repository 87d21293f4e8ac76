using KvStore.Server.Logging;
using Microsoft.Extensions.Logging;
using ExtensionsLevel = Microsoft.Extensions.Logging.LogLevel;

namespace KvStore.Server.Peers;

/// <summary>Brings into the process's log what never gets as far as a request on the peer port: no HTTP, no TLS, or not ours.</summary>
/// <remarks>Kestrel takes these for everyday noise. Between members they mean that something is set up wrongly.</remarks>
public sealed class PeerPortLog(TimeProvider time) : ILoggerProvider
{
    private const string BadRequests = "Microsoft.AspNetCore.Server.Kestrel.BadRequests";
    private const string Handshakes = "Microsoft.AspNetCore.Server.Kestrel.Https.Internal.HttpsConnectionMiddleware";

    private readonly RepeatedProblems _problems = new(time);

    /// <summary>For the host of the peer port.</summary>
    public static ILoggerFactory NewFactory(TimeProvider time) => new LoggerFactory(
        [new KestrelLogProvider(Log.Current), new PeerPortLog(time)],
        new LoggerFilterOptions
        {
            MinLevel = ExtensionsLevel.Warning,
            Rules =
            {
                new LoggerFilterRule(null, BadRequests, ExtensionsLevel.Debug, null),
                new LoggerFilterRule(null, Handshakes, ExtensionsLevel.Debug, null),
            },
        });

    public ILogger CreateLogger(string categoryName) => new CategoryLogger(this, categoryName);

    public void Dispose()
    {
    }

    private sealed class CategoryLogger(PeerPortLog owner, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(ExtensionsLevel logLevel) => logLevel == ExtensionsLevel.Debug && category is BadRequests or Handshakes;

        public void Log<TState>(
            ExtensionsLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel) || exception is null)
                return;
            string problem = category == Handshakes ? "the TLS handshake failed" : "what came is no HTTP request";
            if (owner._problems.IsNew(category, exception.Message))
                Logging.Log.Warn("rejected connection on the peer port", ("error", $"{problem}: {exception.Message}"));
        }
    }
}
