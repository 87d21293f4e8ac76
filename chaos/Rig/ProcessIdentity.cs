using System.Globalization;

namespace KvStore.Chaos.Rig;

/// <summary>A process that is not mistaken for a later one with the same number.</summary>
/// <param name="StartTicks">When it started, in ticks since boot: field 22 of /proc/PID/stat.</param>
internal readonly record struct ProcessIdentity(int Id, long StartTicks)
{
    public bool IsAlive => Of(Id) == this;

    /// <returns>Null if there is no such process, or it is dead and only not yet waited for.</returns>
    public static ProcessIdentity? Of(int id)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{id}/stat");
            // The name in parentheses may hold anything; behind it come state, parent and so on.
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? null : new ProcessIdentity(id, long.Parse(fields[19], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            // It has gone.
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>One that has gone while its state was read counts as ended.</summary>
    public static char StateOf(int id)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{id}/stat");
            return stat[stat.LastIndexOf(')') + 2];
        }
        catch (IOException)
        {
            return 'X';
        }
    }

    public static IReadOnlyList<int> ChildrenOf(int id)
    {
        try
        {
            return [.. File.ReadAllText($"/proc/{id}/task/{id}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(child => int.Parse(child, CultureInfo.InvariantCulture))];
        }
        catch (IOException)
        {
            return [];
        }
    }
}
