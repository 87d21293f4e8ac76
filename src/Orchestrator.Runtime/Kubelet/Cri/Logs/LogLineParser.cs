using System.Globalization;
using System.Text;

namespace Orchestrator.Runtime.Kubelet.Cri.Logs;

/// <summary>Reads CRI's log lines and joins those that the runtime has cut: <c>2026-11-21T09:30:54.176576187Z stdout F text</c>.</summary>
/// <remarks>The parts of one line may have lines of the other stream between them. P marks a part, F a line's last one.</remarks>
internal sealed class LogLineParser
{
    /// <summary>What is held of a line that has not ended; a longer one comes in parts.</summary>
    private const int HeldBytesLimit = 1024 * 1024;

    private readonly Held _stdout = new();
    private readonly Held _stderr = new();

    /// <returns>Null for a part of a line, and for what is no log line.</returns>
    public LogLine? Add(ReadOnlySpan<byte> line)
    {
        if (!TryCut(ref line, out ReadOnlySpan<byte> time) || !TryCut(ref line, out ReadOnlySpan<byte> stream)
            || !TryParse(time, out DateTimeOffset at))
            return null;
        // Lines of old runtimes have no tag; one is "P", "F", or several with colons between.
        bool isPartial = TryCut(ref line, out ReadOnlySpan<byte> tags) && IsPartial(tags);
        bool isStderr = stream.SequenceEqual("stderr"u8);
        Held held = isStderr ? _stderr : _stdout;
        if (held.Bytes.Count == 0)
            held.Time = at;
        held.Bytes.AddRange(line);
        if (!isPartial)
            return held.Take(isStderr, held.Bytes.Count, isPartial: false);
        return held.Bytes.Count >= HeldBytesLimit ? held.Take(isStderr, held.WholeCharacters, isPartial: true) : null;
    }

    /// <summary>What has come of lines that will not end any more.</summary>
    public IEnumerable<LogLine> TakeRest()
    {
        if (_stdout.Bytes.Count > 0)
            yield return _stdout.Take(false, _stdout.Bytes.Count, isPartial: true);
        if (_stderr.Bytes.Count > 0)
            yield return _stderr.Take(true, _stderr.Bytes.Count, isPartial: true);
    }

    private static bool IsPartial(ReadOnlySpan<byte> tags)
    {
        int colon = tags.IndexOf((byte)':');
        return (colon < 0 ? tags : tags[..colon]).SequenceEqual("P"u8);
    }

    private static bool TryCut(ref ReadOnlySpan<byte> line, out ReadOnlySpan<byte> word)
    {
        int blank = line.IndexOf((byte)' ');
        word = blank < 0 ? default : line[..blank];
        if (blank < 0)
            return false;
        line = line[(blank + 1)..];
        return true;
    }

    private static bool TryParse(ReadOnlySpan<byte> text, out DateTimeOffset time)
    {
        Span<char> characters = stackalloc char[64];
        time = default;
        return text.Length <= characters.Length && Encoding.ASCII.TryGetChars(text, characters, out int count)
            && DateTimeOffset.TryParse(WithoutNanoseconds(characters[..count]), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time);
    }

    /// <summary>.NET's ticks are 100 ns: the digits behind would be rounded, and a time must not lie behind the one it stands for.</summary>
    private static ReadOnlySpan<char> WithoutNanoseconds(Span<char> text)
    {
        const int TickDigits = 7;
        int point = text.IndexOf('.');
        if (point < 0)
            return text;
        int end = point + 1;
        while (end < text.Length && char.IsAsciiDigit(text[end]))
            end++;
        int excess = end - (point + 1 + TickDigits);
        if (excess <= 0)
            return text;
        text[end..].CopyTo(text[(end - excess)..]);
        return text[..^excess];
    }

    private sealed class Held
    {
        public DateTimeOffset Time { get; set; }
        public List<byte> Bytes { get; } = [];

        /// <summary>Up to the last place that is not within a character.</summary>
        public int WholeCharacters
        {
            get
            {
                int end = Bytes.Count;
                int start = end - 1;
                while (start > 0 && end - start < 4 && (Bytes[start] & 0xC0) == 0x80)
                    start--;
                int wanted = Bytes[start] switch { >= 0xF0 => 4, >= 0xE0 => 3, >= 0xC0 => 2, _ => 1 };
                return end - start < wanted ? start : end;
            }
        }

        public LogLine Take(bool isStderr, int count, bool isPartial)
        {
            string text = Encoding.UTF8.GetString(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(Bytes)[..count]);
            Bytes.RemoveRange(0, count);
            return new LogLine(Time, isStderr, text, isPartial);
        }
    }
}
