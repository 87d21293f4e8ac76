using System.Buffers;
using System.Globalization;
using System.Text;

namespace KvStore.Server.Telemetry;

/// <summary>Writes the text format of Prometheus, version 0.0.4.</summary>
/// <remarks>
/// <code>
/// # HELP etcd_mvcc_put_total Puts applied.
/// # TYPE etcd_mvcc_put_total counter
/// etcd_mvcc_put_total{label="text"} 3
/// </code>
/// </remarks>
internal sealed class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly ArrayBufferWriter<byte> _buffer = new(64 * 1024);

    public ReadOnlySpan<byte> Written => _buffer.WrittenSpan;

    public void Clear() => _buffer.ResetWrittenCount();

    public void WriteHead(string name, string help, string type)
    {
        Write("# HELP ");
        Write(name);
        Write(" ");
        Write(help.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal));
        Write("\n# TYPE ");
        Write(name);
        Write(" ");
        Write(type);
        Write("\n");
    }

    public void WriteSample(string name, string suffix, string labels, double value)
    {
        Write(name);
        Write(suffix);
        Write(labels);
        Write(" ");
        Write(Number(value));
        Write("\n");
    }

    public void WriteSample(string name, string labels, long value)
    {
        Write(name);
        Write(labels);
        Write(" ");
        Write(value.ToString(CultureInfo.InvariantCulture));
        Write("\n");
    }

    public static string Number(double value) =>
        double.IsPositiveInfinity(value) ? "+Inf"
        : double.IsNegativeInfinity(value) ? "-Inf"
        : double.IsNaN(value) ? "NaN"
        : value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>Letters, digits, "_" and ":" only.</summary>
    public static string Name(string name) =>
        string.Concat(name.Select((c, i) => char.IsAsciiLetter(c) || c == ':' || (i > 0 && char.IsAsciiDigit(c)) ? c : '_'));

    public static void AppendLabel(StringBuilder labels, string name, string value)
    {
        labels.Append(labels.Length == 0 ? "" : ",").Append(Name(name)).Append("=\"");
        foreach (char c in value)
        {
            _ = c switch
            {
                '\\' => labels.Append("\\\\"),
                '"' => labels.Append("\\\""),
                '\n' => labels.Append("\\n"),
                _ => labels.Append(c),
            };
        }
        labels.Append('"');
    }

    private void Write(string text) => Encoding.UTF8.GetBytes(text, _buffer);
}
