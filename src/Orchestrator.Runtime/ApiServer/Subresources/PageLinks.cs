using System.Text;

namespace Orchestrator.Runtime.ApiServer.Subresources;

/// <summary>Finds the addresses in a page's tags and has them changed; all else stays as it is, byte for byte.</summary>
/// <remarks>Of the text nothing is assumed but that its ASCII is ASCII: each byte is taken for a letter.</remarks>
internal static class PageLinks
{
    /// <summary>Which attributes of which elements hold addresses.</summary>
    private static readonly Dictionary<string, string[]> Attributes = new(StringComparer.OrdinalIgnoreCase)
    {
        ["a"] = ["href"],
        ["applet"] = ["codebase"],
        ["area"] = ["href"],
        ["audio"] = ["src"],
        ["base"] = ["href"],
        ["blockquote"] = ["cite"],
        ["body"] = ["background"],
        ["button"] = ["formaction"],
        ["command"] = ["icon"],
        ["del"] = ["cite"],
        ["embed"] = ["src"],
        ["form"] = ["action"],
        ["frame"] = ["longdesc", "src"],
        ["head"] = ["profile"],
        ["html"] = ["manifest"],
        ["iframe"] = ["longdesc", "src"],
        ["img"] = ["longdesc", "src", "usemap"],
        ["input"] = ["src", "usemap", "formaction"],
        ["ins"] = ["cite"],
        ["link"] = ["href"],
        ["object"] = ["classid", "codebase", "data", "usemap"],
        ["q"] = ["cite"],
        ["script"] = ["src"],
        ["source"] = ["src"],
        ["video"] = ["poster", "src"],
    };

    /// <summary>What is in these is no markup: a tag in a script is the script's.</summary>
    private static readonly HashSet<string> Raw = new(StringComparer.OrdinalIgnoreCase)
    {
        "iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp",
    };

    public static byte[] Rewrite(ReadOnlySpan<byte> page, Func<string, string> change)
    {
        var scan = new Scan(Encoding.Latin1.GetString(page), change);
        return Encoding.Latin1.GetBytes(scan.Run());
    }

    private sealed class Scan(string text, Func<string, string> change)
    {
        private readonly StringBuilder _out = new(text.Length + 256);

        // All before it is written.
        private int _written;
        private int _at;

        public string Run()
        {
            while ((_at = text.IndexOf('<', _at)) >= 0 && _at + 1 < text.Length)
            {
                char next = text[_at + 1];
                if (text.AsSpan(_at).StartsWith("<!--"))
                    SkipBehind("-->", _at + 4);
                else if (next is '!' or '?' or '/')
                    SkipBehind(">", _at + 2);
                else if (char.IsAsciiLetter(next))
                    Tag();
                else
                    _at++;
            }
            return _out.Append(text, _written, text.Length - _written).ToString();
        }

        private void Tag()
        {
            string element = Name(_at + 1);
            _at += 1 + element.Length;
            var wanted = Attributes.GetValueOrDefault(element);
            while (_at < text.Length && text[_at] != '>')
            {
                if (text[_at] == '/' || char.IsWhiteSpace(text[_at]))
                    _at++;
                else
                    Attribute(wanted);
            }
            _at = Math.Min(_at + 1, text.Length);
            if (!Raw.Contains(element))
                return;
            int end = text.IndexOf("</" + element, _at, StringComparison.OrdinalIgnoreCase);
            _at = end < 0 ? text.Length : end;
        }

        private void Attribute(string[]? wanted)
        {
            string name = Name(_at);
            _at += Math.Max(1, name.Length); // An equals sign without a name is a name of its own.
            int behind = SkipSpace(_at);
            if (behind >= text.Length || text[behind] != '=')
                return;
            int start = SkipSpace(behind + 1);
            if (start >= text.Length)
            {
                _at = text.Length;
                return;
            }
            bool isQuoted = text[start] is '"' or '\'';
            int end = isQuoted ? text.IndexOf(text[start], start + 1) : EndOfBareValue(start);
            if (end < 0)
                end = text.Length;
            if (isQuoted)
                start++;
            if (wanted?.Contains(name, StringComparer.OrdinalIgnoreCase) == true)
                Value(start, end);
            _at = isQuoted ? Math.Min(end + 1, text.Length) : end;
        }

        private void Value(int start, int end)
        {
            string value = text[start..end];
            string changed = change(value);
            if (changed == value)
                return;
            _out.Append(text, _written, start - _written).Append(changed);
            _written = end;
        }

        private string Name(int start)
        {
            int end = start;
            while (end < text.Length && text[end] is not ('=' or '>' or '/') && !char.IsWhiteSpace(text[end]))
                end++;
            return text[start..end];
        }

        private int SkipSpace(int index)
        {
            while (index < text.Length && char.IsWhiteSpace(text[index]))
                index++;
            return index;
        }

        private int EndOfBareValue(int index)
        {
            while (index < text.Length && text[index] != '>' && !char.IsWhiteSpace(text[index]))
                index++;
            return index;
        }

        private void SkipBehind(string end, int from)
        {
            int found = text.IndexOf(end, Math.Min(from, text.Length), StringComparison.Ordinal);
            _at = found < 0 ? text.Length : found + end.Length;
        }
    }
}
