using System.Globalization;

namespace KvStore.Raft.Scenarios;

/// <summary>One argument of a directive: <c>key</c>, <c>key=value</c> or <c>key=(value,value)</c>.</summary>
public sealed record Argument(string Key, IReadOnlyList<string> Values)
{
    public bool IsBare => Values.Count == 0;

    public ulong KeyAsNumber => Number(Key);

    public string Value => Values.Count == 1
        ? Values[0]
        : throw new ScenarioException($"{Key} takes one value, not {Values.Count}");

    public bool Flag => bool.TryParse(Value, out bool flag)
        ? flag
        : throw new ScenarioException($"{Key} takes true or false, not {Value}");

    public static ulong Number(string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)
        ? number
        : throw new ScenarioException($"{text} is no number");
}
