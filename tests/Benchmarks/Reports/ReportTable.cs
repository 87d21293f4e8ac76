using System.Globalization;

namespace KvStore.Benchmarks.Reports;

/// <summary>
/// The medians as a Markdown table: a row for each workload, in each cell the servers' figures and their ratio.
/// </summary>
internal static class ReportTable
{
    public static void Write(Report report, IReadOnlyList<string> servers, TextWriter output)
    {
        var metrics =
            Metric.All.Where(metric => report.Measurements.Any(measurement => measurement.Values.ContainsKey(metric))).ToList();
        if (servers.Count > 1)
            output.WriteLine($"Each cell: {string.Join(" / ", servers)} (ratio). Medians over the rounds.");
        List<string[]> lines = [["workload/clients", .. metrics.Select(metric => $"{metric.Name} {metric.Unit}")]];
        foreach (string row in report.Rows)
            lines.Add([row, .. metrics.Select(metric => Cell(report, row, servers, metric))]);
        WriteAligned(lines, output);
    }

    private static string Cell(Report report, string row, IReadOnlyList<string> servers, Metric metric)
    {
        var medians = servers.Select(server => report.Median(row, server, metric)).ToList();
        if (medians.TrueForAll(median => median is null))
            return "";
        string figures =
            string.Join(" / ", medians.Select(median => median?.ToString(metric.Format, CultureInfo.InvariantCulture) ?? "-"));
        return figures + report.Ratio(row, metric)?.ToString(" (0.00)", CultureInfo.InvariantCulture);
    }

    private static void WriteAligned(List<string[]> lines, TextWriter output)
    {
        int[] widths = [.. Enumerable.Range(0, lines[0].Length).Select(column => lines.Max(line => line[column].Length))];
        for (int i = 0; i < lines.Count; i++)
        {
            // Names to the left, figures to the right.
            var cells = lines[i].Select((cell, column) => column == 0 ? cell.PadRight(widths[0]) : cell.PadLeft(widths[column]));
            output.WriteLine($"| {string.Join(" | ", cells)} |");
            if (i == 0)
                output.WriteLine($"| {string.Join(" | ", widths.Select(Rule))} |");
        }
    }

    private static string Rule(int width, int column) => column == 0 ? new string('-', width) : new string('-', width - 1) + ":";
}
