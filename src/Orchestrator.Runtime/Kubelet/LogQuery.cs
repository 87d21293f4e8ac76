using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>Which part of a log is wanted, and how.</summary>
internal sealed record LogQuery
{
    public bool Follow { get; private init; }
    public bool Timestamps { get; private init; }
    public int? TailLines { get; private init; }
    public DateTimeOffset? Since { get; private init; }
    public long? LimitBytes { get; private init; }

    /// <summary>All, Stdout or Stderr.</summary>
    public string Stream { get; private init; } = "All";

    /// <returns>Null with a text for the client when a value is none.</returns>
    public static LogQuery? Parse(IQueryCollection query, DateTimeOffset now, out string error)
    {
        error = "";
        int? tail = Number(query, "tailLines", ref error) is { } lines ? (int)Math.Min(lines, int.MaxValue) : null;
        long? limit = Number(query, "limitBytes", ref error);
        long? sinceSeconds = Number(query, "sinceSeconds", ref error);
        DateTimeOffset? since = sinceSeconds is { } seconds ? now - TimeSpan.FromSeconds(Math.Min(seconds, 10_000_000_000)) : null;
        if (query["sinceTime"].ToString() is { Length: > 0 } time)
        {
            if (DateTimeOffset.TryParse(time, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset at))
                since = at;
            else
                error = $"invalid sinceTime \"{time}\"";
        }
        string stream = query["stream"].ToString() is { Length: > 0 } wanted ? wanted : "All";
        if (error.Length > 0)
            return null;
        return new LogQuery
        {
            Follow = IsSet(query, "follow"),
            Timestamps = IsSet(query, "timestamps"),
            TailLines = tail,
            LimitBytes = limit,
            Since = since,
            Stream = stream,
        };
    }

    public async Task WriteAsync(IContainerRuntime runtime, string containerId, Stream output, CancellationToken ct)
    {
        long left = LimitBytes ?? long.MaxValue;
        int skipped = TailLines is { } tail ? await SkipAsync(runtime, containerId, tail, ct) : 0;
        var parts = new Parts();
        await foreach (LogLine line in runtime.ReadLogAsync(containerId, Follow, ct))
        {
            bool isFirst = parts.IsFirst(line);
            if (!IsWanted(line) || skipped > 0)
            {
                skipped -= IsWanted(line) && !line.IsPartial ? 1 : 0;
                continue;
            }
            string text = line.IsPartial ? line.Text : line.Text + "\n";
            byte[] bytes = Encoding.UTF8.GetBytes(Timestamps && isFirst
                ? string.Create(CultureInfo.InvariantCulture, $"{line.Time.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.fffffff}00Z {text}")
                : text);
            int count = (int)Math.Min(bytes.Length, left);
            await output.WriteAsync(bytes.AsMemory(0, count), ct);
            await output.FlushAsync(ct);
            left -= count;
            if (left == 0)
                return;
        }
    }

    /// <summary>How many of the wanted lines there are now come before the tail.</summary>
    private async Task<int> SkipAsync(IContainerRuntime runtime, string containerId, int tail, CancellationToken ct)
    {
        int count = 0;
        await foreach (LogLine line in runtime.ReadLogAsync(containerId, follow: false, ct))
            count += IsWanted(line) && !line.IsPartial ? 1 : 0;
        return Math.Max(0, count - tail);
    }

    private bool IsWanted(LogLine line) =>
        (Since is null || line.Time >= Since) && (Stream == "All" || line.IsStderr == (Stream == "Stderr"));

    /// <summary>Knows which lines go on with one that has begun: only its beginning has a time.</summary>
    private sealed class Parts
    {
        private bool _isWithinStdout;
        private bool _isWithinStderr;

        public bool IsFirst(LogLine line)
        {
            ref bool isWithin = ref line.IsStderr ? ref _isWithinStderr : ref _isWithinStdout;
            bool isFirst = !isWithin;
            isWithin = line.IsPartial;
            return isFirst;
        }
    }

    private static bool IsSet(IQueryCollection query, string name) => query[name].ToString() is "true" or "1";

    private static long? Number(IQueryCollection query, string name, ref string error)
    {
        string text = query[name].ToString();
        if (text.Length == 0)
            return null;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number))
            return number;
        error = $"invalid {name} \"{text}\"";
        return null;
    }
}
