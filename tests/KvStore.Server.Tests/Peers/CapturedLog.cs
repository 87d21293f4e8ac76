using System.Text;
using KvStore.Server.Logging;

namespace KvStore.Server.Tests.Peers;

/// <summary>What the process logs while this lives; only in tests of <see cref="ProcessLogCollection"/>.</summary>
internal sealed class CapturedLog : IDisposable
{
    private readonly LockedStream _sink = new();
    private readonly Logger _logger;

    public CapturedLog()
    {
        _logger = new Logger(LogLevel.Info, LogFormat.Json, [_sink], FixedClock.AtNoon());
        Log.Current = _logger;
    }

    public string[] Lines => Encoding.UTF8.GetString(_sink.Bytes()).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The lines that have all of these texts in them.</summary>
    public string[] With(params string[] texts) => [.. Lines.Where(line => texts.All(line.Contains))];

    public void Dispose()
    {
        Log.Current = Logger.Silent;
        _logger.Dispose();
    }

    private sealed class LockedStream : MemoryStream
    {
        private readonly Lock _using = new();

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            lock (_using)
                base.Write(buffer);
        }

        public byte[] Bytes()
        {
            lock (_using)
                return ToArray();
        }
    }
}
