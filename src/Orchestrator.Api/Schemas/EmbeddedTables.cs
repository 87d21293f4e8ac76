using System.Reflection;
using System.Text;
using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>The tables of this folder, which the assembly carries within it.</summary>
internal static class EmbeddedTables
{
    public static JsonElement ReadJson(string name) => JsonDocument.Parse(ReadBytes(name)).RootElement;

    /// <summary>A sentence for a definition, or for a field of one. A line without a blank at its start names the definition; those that
    /// follow are its fields: <c>  replicas: How many pods should run.</c></summary>
    public static Dictionary<string, string> ReadDescriptions()
    {
        var result = new Dictionary<string, string>();
        string definition = "";
        foreach (string line in Encoding.UTF8.GetString(ReadBytes("descriptions.txt")).Split('\n'))
        {
            if (line.Length == 0 || line[0] == '#')
                continue;
            int colon = line.IndexOf(": ", StringComparison.Ordinal);
            string name = line[..colon].Trim();
            if (line[0] != ' ')
                definition = name;
            result.Add(line[0] == ' ' ? $"{definition}/{name}" : definition, line[(colon + 2)..]);
        }
        return result;
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
