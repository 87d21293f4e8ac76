namespace KvStore.Testing;

/// <summary>Counts that a test run shows: how many cases, rounds and operations stand behind a green line.</summary>
internal static class Figures
{
    private static readonly Lock Gate = new();

    /// <summary>Adds a line to the file that tests/run prints at its end, or to the console.</summary>
    public static void Report(string line)
    {
        string? file = Environment.GetEnvironmentVariable("KVSTORE_FIGURES");
        lock (Gate)
        {
            if (string.IsNullOrEmpty(file))
                Console.WriteLine(line);
            else
                File.AppendAllText(file, line + Environment.NewLine);
        }
    }
}
