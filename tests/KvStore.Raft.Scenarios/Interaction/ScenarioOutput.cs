using System.Text;

namespace KvStore.Raft.Scenarios;

/// <summary>Collects what a directive shows, indented where one step runs inside another, nothing at log level none.</summary>
internal sealed class ScenarioOutput
{
    private static readonly string[] Levels = ["debug", "info", "warn", "error", "fatal", "none"];

    private StringBuilder _text = new();

    public string Level { get; private set; } = "debug";

    public bool IsQuiet => Level == "none";

    public void SetLevel(string level) => Level = Levels.Contains(level.ToLowerInvariant())
        ? level.ToLowerInvariant()
        : throw new ScenarioException($"log levels must be one of [{string.Join(' ', Levels)}], not {level}");

    public void Write(string text)
    {
        if (!IsQuiet)
            _text.Append(text);
    }

    public void WriteLine(string line) => Write(line + "\n");

    public void Indented(Action action)
    {
        var outer = _text;
        _text = new StringBuilder();
        action();
        string inner = _text.ToString();
        _text = outer;
        foreach (string line in inner.TrimEnd('\n').Split('\n').Where(_ => inner.Length > 0))
            _text.Append("  ").Append(line).Append('\n');
    }

    /// <summary>What was collected, or <c>ok</c>.</summary>
    public string Take()
    {
        string text = _text.ToString();
        _text.Clear();
        return text.Length == 0 ? "ok" : text;
    }
}
