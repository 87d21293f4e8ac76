using System.Text.Json;

namespace KvStore.Chaos.History;

/// <summary>Where a run keeps what it leaves: history, description, verdict and picture.</summary>
public sealed class RunFolder(string path)
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    public string Path => path;

    public string HistoryFile => System.IO.Path.Combine(path, "history.bin");

    public string DescriptionFile => System.IO.Path.Combine(path, "run.json");

    public string VerdictFile => System.IO.Path.Combine(path, "verdict.json");

    public string ReportFile => System.IO.Path.Combine(path, "report.html");

    public void Write(RunDescription description)
    {
        Directory.CreateDirectory(path);
        File.WriteAllText(DescriptionFile, JsonSerializer.Serialize(description, Json) + "\n");
    }

    /// <exception cref="InvalidDataException">The folder is no run's.</exception>
    public RunDescription ReadDescription()
    {
        if (!File.Exists(DescriptionFile))
            throw new InvalidDataException($"{path} is not the folder of a run: it has no run.json");
        try
        {
            return JsonSerializer.Deserialize<RunDescription>(File.ReadAllText(DescriptionFile), Json)
                ?? throw new InvalidDataException($"{DescriptionFile} is empty");
        }
        catch (JsonException problem)
        {
            throw new InvalidDataException($"{DescriptionFile} cannot be read: {problem.Message}", problem);
        }
    }

    public HistoryWriter OpenWriter()
    {
        Directory.CreateDirectory(path);
        return new HistoryWriter(HistoryFile);
    }

    public HistoryReader OpenReader() => new(HistoryFile);
}
