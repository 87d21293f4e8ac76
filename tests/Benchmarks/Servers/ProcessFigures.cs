using System.Globalization;

namespace KvStore.Benchmarks.Servers;

/// <summary>Processor time and memory of a process and its children, as /proc tells them.</summary>
internal readonly record struct ProcessFigures(TimeSpan ProcessorTime, long ResidentBytes)
{
    /// <summary>The kernel's clock ticks a second in /proc: 100 on every Linux that .NET runs on.</summary>
    private const double TicksPerSecond = 100;

    public static ProcessFigures Of(int processId)
    {
        var sum = OfOne(processId);
        foreach (int child in ChildrenOf(processId))
        {
            var figures = Of(child);
            sum = new ProcessFigures(sum.ProcessorTime + figures.ProcessorTime, sum.ResidentBytes + figures.ResidentBytes);
        }
        return sum;
    }

    private static ProcessFigures OfOne(int processId)
    {
        string stat = File.ReadAllText($"/proc/{processId}/stat");
        // The name, in parentheses, may hold blanks; utime to cstime are fields 14 to 17, counted from the process id.
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        double ticks = fields[11..15].Sum(field => double.Parse(field, CultureInfo.InvariantCulture));
        long pages = long.Parse(fields[21], CultureInfo.InvariantCulture);
        return new ProcessFigures(TimeSpan.FromSeconds(ticks / TicksPerSecond), pages * Environment.SystemPageSize);
    }

    private static IEnumerable<int> ChildrenOf(int processId) =>
        System.IO.Directory.EnumerateDirectories($"/proc/{processId}/task")
            .SelectMany(ChildrenOfThread)
            .ToList();

    private static IEnumerable<int> ChildrenOfThread(string task)
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "children"))
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(child => int.Parse(child, CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return []; // The thread ended between the listing and the read.
        }
    }
}
