using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Orchestrator.Host.Logging;

/// <summary>Sends each line to the log of the part that it comes from: a file for each part, or standard error for all.</summary>
/// <remarks>
/// <code>2026-11-26T19:22:09.123Z WARN  Informer: the watch of pods broke: connection refused</code>
/// A line is with the system before the call returns: what was logged before a crash is there.
/// </remarks>
internal sealed class PartLogs : ILoggerProvider
{
    /// <summary>A file is renamed to PART.log.1 at this size, in the place of an older one.</summary>
    private const long LargestFile = 32L << 20;

    /// <summary>Which part the namespaces belong to; the first that fits.</summary>
    private static readonly (string Prefix, string Part)[] Parts =
    [
        ("Orchestrator.Runtime.ApiServer", "apiserver"),
        ("Orchestrator.Runtime.Security", "apiserver"),
        ("Orchestrator.Runtime.Scheduling", "scheduler"),
        ("Orchestrator.Runtime.Controllers", "controller-manager"),
        ("Orchestrator.Runtime.Kubelet", "kubelet"),
        ("Orchestrator.Runtime.Hollow", "kubelet"),
        ("Orchestrator.Runtime.Streams", "kubelet"),
        ("Microsoft.AspNetCore", "apiserver"),
    ];

    private const string OtherPart = "server";

    private readonly string? _directory;
    private readonly LogLevel _level;
    private readonly TimeProvider _clock;
    private readonly ConcurrentDictionary<string, Sink> _sinks = new();

    /// <param name="directory">Null sends all to standard error.</param>
    public PartLogs(string? directory, LogLevel level, TimeProvider clock)
    {
        (_directory, _level, _clock) = (directory, level, clock);
        if (directory is not null)
            Directory.CreateDirectory(directory);
    }

    public ILogger CreateLogger(string categoryName)
    {
        string part = Array.Find(Parts, entry => categoryName.StartsWith(entry.Prefix, StringComparison.Ordinal)).Part ?? OtherPart;
        var sink = _sinks.GetOrAdd(_directory is null ? "" : part, name => new Sink(_directory is null ? null : Path.Combine(_directory, name + ".log")));
        // Kestrel's own lines about single connections say nothing to an operator.
        var level = categoryName.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal) ? LogLevel.Warning : _level;
        return new PartLogger(sink, _directory is null ? part + "/" : "", categoryName[(categoryName.LastIndexOf('.') + 1)..], level, _clock);
    }

    public void Dispose()
    {
        foreach (var sink in _sinks.Values)
            sink.Dispose();
    }

    private sealed class PartLogger(Sink sink, string prefix, string name, LogLevel level, TimeProvider clock) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= level;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
                return;
            string word = logLevel switch
            {
                LogLevel.Trace => "TRACE", LogLevel.Debug => "DEBUG", LogLevel.Information => "INFO ", LogLevel.Warning => "WARN ", _ => "ERROR",
            };
            string text = string.Create(CultureInfo.InvariantCulture,
                $"{clock.GetUtcNow():yyyy-MM-ddTHH:mm:ss.fffZ} {word} {prefix}{name}: {formatter(state, exception)}");
            if (exception is not null)
                text += logLevel >= LogLevel.Error ? "\n    " + exception.ToString().ReplaceLineEndings("\n    ") : $": {exception.Message}";
            sink.Write(text + "\n");
        }
    }

    private sealed class Sink(string? path) : IDisposable
    {
        private readonly Lock _writing = new();
        private FileStream? _file = path is null ? null : Open(path);

        public void Write(string line)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(line);
            lock (_writing)
            {
                try
                {
                    if (_file is null)
                    {
                        using var error = Console.OpenStandardError();
                        error.Write(bytes);
                        return;
                    }
                    if (_file.Position + bytes.Length > LargestFile)
                        StartAnew();
                    _file.Write(bytes);
                }
                catch (Exception fault) when (fault is IOException or ObjectDisposedException)
                {
                    // A full log disk must not stop the cluster, and there is nowhere else to say so.
                }
            }
        }

        public void Dispose()
        {
            lock (_writing)
                _file?.Dispose();
        }

        private void StartAnew()
        {
            _file!.Dispose();
            File.Move(path!, path + ".1", overwrite: true);
            _file = Open(path!);
        }

        // No buffer: a line is handed to the system before the call that logs it returns.
        private static FileStream Open(string path) => new(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
    }
}
