using System.Text;

namespace KvStore.Compatibility.Tests.Etcdctl;

/// <summary>Commands for etcdctl, read from a file.</summary>
/// <remarks>
/// One command a line, with words as a shell has them. A line that ends in <c>&lt;&lt;</c> gets the lines that follow, up to
/// a lone dot, as its input. <c>=&gt; $lease</c> keeps the id of the lease that the output tells of.
/// <code>
/// %3.5 ...              only for etcdctl 3.5: a command or one of the following
/// %until N ...          ended once it has printed N lines
/// %start NAME ...       goes on beside the commands that follow
/// %send NAME line       types a line into it
/// %await NAME N         waits until it has printed N lines
/// %stop NAME            ends it; what it printed is compared
/// </code>
/// For clusters, of members m1 to m3 and room for m4 and m5:
/// <code>
/// %eventually ...       again and again until it succeeds; what it printed then is compared
/// %healthy ...          again while it is refused only because members did not hear of each other lately
/// %join NAME            starts a member that was added
/// $m1 $p1               a member's id and its peer URL; $leader and $follower are ids, too
/// </code>
/// </remarks>
internal sealed class Script
{
    private const string EndOfInput = ".";

    private Script(IReadOnlyList<ScriptLine> lines) => Lines = lines;

    public IReadOnlyList<ScriptLine> Lines { get; }

    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "Scripts");

    /// <summary>Where those are that want a cluster.</summary>
    public static string ClusterFolder { get; } = Path.Combine(Folder, "Clusters");

    public static Script Read(string folder, string name)
    {
        var rest = new Queue<string>(File.ReadAllLines(Path.Combine(folder, name + ".txt")));
        var lines = new List<ScriptLine>();
        while (rest.TryDequeue(out string? text))
        {
            if (text.Length > 0 && text[0] != '#')
                lines.Add(Parse(text, rest));
        }
        return new Script(lines);
    }

    private static ScriptLine Parse(string text, Queue<string> rest)
    {
        var words = Words(text);
        switch (words[0])
        {
            case "%3.5": return Parse(text[5..], rest) with { IsFor35Only = true };
            case "%until": return Command(ScriptAction.Until, text, words[2..], rest) with { Lines = int.Parse(words[1]) };
            case "%start": return Command(ScriptAction.Start, text, words[2..], rest) with { Name = words[1] };
            case "%send": return new(ScriptAction.Send, text, [text.Split(' ', 3)[2]]) { Name = words[1] };
            case "%await": return new(ScriptAction.Await, text, []) { Name = words[1], Lines = int.Parse(words[2]) };
            case "%eventually": return Command(ScriptAction.Eventually, text, words[1..], rest);
            case "%healthy": return Command(ScriptAction.WhenHealthy, text, words[1..], rest);
            case "%join": return new(ScriptAction.Join, text, []) { Name = words[1] };
            case "%stop": return new(ScriptAction.Stop, text, []) { Name = words[1] };
            default: return Command(ScriptAction.Run, text, words, rest);
        }
    }

    private static ScriptLine Command(ScriptAction action, string text, List<string> words, Queue<string> rest)
    {
        string? variable = null;
        if (words.Count > 2 && words[^2] == "=>")
        {
            variable = words[^1];
            words.RemoveRange(words.Count - 2, 2);
        }
        var input = new StringBuilder();
        if (words[^1] == "<<")
        {
            words.RemoveAt(words.Count - 1);
            for (string line; (line = rest.Dequeue()) != EndOfInput;)
                input.Append(line).Append('\n');
        }
        return new(action, text, words) { LeaseVariable = variable, Input = input.ToString() };
    }

    private static List<string> Words(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        bool isQuoted = false, isWord = false;
        foreach (char letter in text)
        {
            if (letter == '"')
            {
                isQuoted = !isQuoted;
                isWord = true;
            }
            else if (letter == ' ' && !isQuoted)
            {
                if (isWord)
                    words.Add(word.ToString());
                word.Clear();
                isWord = false;
            }
            else
            {
                word.Append(letter);
                isWord = true;
            }
        }
        if (isWord)
            words.Add(word.ToString());
        return words;
    }
}
