using System.Globalization;

namespace Orchestrator.Host.Profiles;

/// <summary>One process among all that ever had its id: ids are given out anew.</summary>
/// <param name="StartedAt">In the kernel's ticks since the machine's start.</param>
internal readonly record struct ProcessIdentity(int Id, long StartedAt)
{
    // Behind the name, which may hold anything: "1234 (a name) S 1 ..."; the state is the first of these.
    private const int StateField = 0;
    private const int StartField = 19;

    public static ProcessIdentity Own => Find(Environment.ProcessId)
        ?? throw new InvalidOperationException("/proc does not show this process");

    public bool IsAlive => Find(Id) == this;

    /// <returns>Null if there is no such process, or one that has ended and is only remembered.</returns>
    public static ProcessIdentity? Find(int id)
    {
        string stat;
        try
        {
            stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/stat"));
        }
        catch (IOException)
        {
            return null;
        }
        string[] fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > StartField && fields[StateField] is not ("Z" or "X")
            ? new ProcessIdentity(id, long.Parse(fields[StartField], CultureInfo.InvariantCulture))
            : null;
    }

    public static ProcessIdentity? Parse(string text)
    {
        string[] parts = text.Split(' ', StringSplitOptions.TrimEntries);
        return parts.Length == 2
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int id)
            && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out long startedAt)
            ? new ProcessIdentity(id, startedAt)
            : null;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Id} {StartedAt}");
}
