using System.IO.Compression;
using System.Text;
using KvStore.Chaos.Checkers;
using KvStore.Chaos.History;

namespace KvStore.Chaos.Report;

/// <summary>One HTML file that needs nothing else: page, script, and the run's data, compressed.</summary>
public static class ReportFile
{
    private const string Template = "KvStore.Chaos.Report.report.html";

    /// <summary>In the template, where the data go.</summary>
    private const string DataMark = "@DATA@";

    public static void Write(string path, RunHistory history, RunDescription description, Verdict verdict) =>
        File.WriteAllText(path, Render(history, description, verdict));

    internal static string Render(RunHistory history, RunDescription description, Verdict verdict)
    {
        using var resource = typeof(ReportFile).Assembly.GetManifestResourceStream(Template)
            ?? throw new InvalidOperationException($"the program was built without {Template}");
        string page = new StreamReader(resource, Encoding.UTF8).ReadToEnd();
        return page.Replace(DataMark, Convert.ToBase64String(Compress(new ReportData(history, description, verdict).ToJson())),
            StringComparison.Ordinal);
    }

    private static byte[] Compress(byte[] json)
    {
        var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal))
            gzip.Write(json);
        return compressed.ToArray();
    }
}
