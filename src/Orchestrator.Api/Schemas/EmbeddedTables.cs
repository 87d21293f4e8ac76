using System.Reflection;
using System.Text;
using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>The tables of this folder, which the assembly carries within it.</summary>
internal static class EmbeddedTables
{
    public static JsonElement ReadJson(string name) => JsonDocument.Parse(ReadBytes(name)).RootElement;

    /// <summary>Sentences for <c>definition</c> and <c>definition/field</c>. A line with @ names the package; one that begins at the margin
    /// is about a definition, and those that follow it about its fields.</summary>
    public static Dictionary<string, string> ReadDescriptions()
    {
        var result = new Dictionary<string, string>();
        string package = "", definition = "";
        foreach (string line in Encoding.UTF8.GetString(ReadBytes("descriptions.txt")).Split('\n'))
        {
            switch (line.FirstOrDefault('#'))
            {
                case '#':
                    break;
                case '@':
                    package = line.Length == 1 ? "" : line[1..] + ".";
                    break;
                case ' ':
                    Add(result, definition + "/", line.TrimStart());
                    break;
                default:
                    definition = Add(result, package, line);
                    break;
            }
        }
        return result;
    }

    private static string Add(Dictionary<string, string> descriptions, string prefix, string line)
    {
        int colon = line.IndexOf(": ", StringComparison.Ordinal);
        string place = prefix + line[..colon];
        descriptions.Add(place, line[(colon + 2)..]);
        return place;
    }

    private static byte[] ReadBytes(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"the assembly lacks {name}");
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
