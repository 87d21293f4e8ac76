using System.Runtime.CompilerServices;

namespace KvStore.Server.Logging;

/// <summary>Writes lines at or above its level to all its sinks, whole lines only, from any thread.</summary>
/// <remarks>
/// A line is written before the call returns: what was logged before a crash is there. Values of keys and passwords are
/// never given to a logger.
/// </remarks>
public sealed class Logger : IDisposable
{
    /// <summary>Writes nothing; what a process has before it is configured, and what tests have.</summary>
    public static readonly Logger Silent = new(LogLevel.Off, LogFormat.Json, [], TimeProvider.System);

    private readonly LogFormat _format;
    private readonly IReadOnlyList<Stream> _sinks;
    private readonly TimeProvider _clock;
    private readonly Lock _writing = new();

    /// <param name="sinks">Owned: disposed with the logger.</param>
    public Logger(LogLevel level, LogFormat format, IReadOnlyList<Stream> sinks, TimeProvider clock)
    {
        Level = level;
        _format = format;
        _sinks = sinks;
        _clock = clock;
    }

    public LogLevel Level { get; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsEnabled(LogLevel level) => level >= Level;

    /// <param name="file">Source file of the caller, or empty.</param>
    /// <param name="logger">Name of the foreign part that logs, or null.</param>
    public void Write(
        LogLevel level, string message, ReadOnlySpan<(string Key, object? Value)> fields, string file, int line,
        string? logger = null)
    {
        if (!IsEnabled(level))
            return;
        ReadOnlySpan<byte> bytes = LogEncoder.Encode(
            new LogLine
            {
                Level = level,
                Time = _clock.GetUtcNow(),
                File = file,
                Line = line,
                Logger = logger,
                Message = message,
                Fields = fields,
            },
            _format);
        lock (_writing)
        {
            foreach (Stream sink in _sinks)
                WriteTo(sink, bytes);
        }
    }

    private static void WriteTo(Stream sink, ReadOnlySpan<byte> bytes)
    {
        try
        {
            sink.Write(bytes);
            sink.Flush();
        }
        catch (Exception fault) when (fault is IOException or ObjectDisposedException)
        {
            // A full log disk or a closed pipe must not stop the store, and there is nowhere else to say so.
            LostLines.Count(fault);
        }
    }

    public void Dispose()
    {
        foreach (Stream sink in _sinks)
            sink.Dispose();
    }
}
