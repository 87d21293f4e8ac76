using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orchestrator.Runtime.Kubelet.Images.Registries;

/// <summary>A place in a file of settings: what stands there, and how it is named when that makes no sense.</summary>
internal sealed class FilePlace(string path, JsonNode? value)
{
    /// <summary>Refuses what has another name than these.</summary>
    public void Allow(params string[] names)
    {
        foreach (string name in Map(this).Select(entry => entry.Key).Where(name => !names.Contains(name)))
            throw Refuse($"there is no \"{name}\" here, only {string.Join(", ", names)}");
    }

    public RegistriesFileException Refuse(string reason) => new(path.Length == 0 ? reason : $"{path}: {reason}");

    public IEnumerable<(string Name, FilePlace Place)> Entries(string name) =>
        Entry(name) is { } map ? Map(map).Select(entry => (entry.Key, map.Below(entry.Key, entry.Value))) : [];

    /// <returns>Null where nothing is said.</returns>
    public FilePlace? Entry(string name) => Map(this).FirstOrDefault(entry => entry.Key == name).Value is { } found ? Below(name, found) : null;

    public string? Text(string name) => Entry(name)?.AsText();

    public string AsText() => Value is JsonValue text && text.GetValueKind() is JsonValueKind.String or JsonValueKind.Number
        ? text.ToString()
        : throw Refuse("a text is needed");

    public IEnumerable<string> Texts(string name) => Entry(name) switch
    {
        null => [],
        { Value: JsonArray list } place => list.Select((item, i) => place.Below(i.ToString(CultureInfo.InvariantCulture), item).AsText()),
        { } place => throw place.Refuse("a list of texts is needed"),
    };

    public bool Flag(string name) => Entry(name) switch
    {
        null => false,
        { Value: JsonValue flag } when flag.GetValueKind() is JsonValueKind.True or JsonValueKind.False => flag.GetValue<bool>(),
        { } place => throw place.Refuse("true or false is needed"),
    };

    private JsonNode? Value => value;

    private FilePlace Below(string name, JsonNode? found) =>
        new(path + (name.AsSpan().ContainsAny('.', '*') ? $"[\"{name}\"]" : path.Length == 0 ? name : "." + name), found);

    private static JsonObject Map(FilePlace place) => place.Value switch
    {
        null => [],
        JsonObject map => map,
        _ => throw place.Refuse("names with values are needed"),
    };
}
