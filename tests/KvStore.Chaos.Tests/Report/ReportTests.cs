using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json;
using System.Text.RegularExpressions;
using KvStore.Chaos.Commands;
using KvStore.Chaos.History;
using KvStore.Chaos.Tests.Checkers;
using KvStore.Chaos.Tests.Generation;
using KvStore.Testing;

namespace KvStore.Chaos.Tests.Report;

public sealed class ReportTests : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("chaos-report-").FullName;

    public void Dispose() => Directory.Delete(_path, recursive: true);

    [Fact]
    public void A_report_needs_nothing_but_itself()
    {
        string page = Draw(HistoryGenerator.Generate(3, TrafficMix.Everything).Records);

        Assert.DoesNotMatch("""(?i)https?://|src\s*=|href\s*=|@import|url\(|<link""", page);
        Assert.DoesNotContain("@DATA@", page);
    }

    [Fact]
    public void Its_data_are_the_runs()
    {
        var records = HistoryGenerator.Generate(3, TrafficMix.Everything).Records;

        var data = DataOf(Draw(records));

        var operations = data.GetProperty("operations");
        int count = records.Count(record => record.Operation is not null);
        foreach (string column in (string[])["id", "client", "lane", "at", "lasts", "outcome", "text"])
            Assert.Equal(count, operations.GetProperty(column).GetArrayLength());
        Assert.Equal(3, data.GetProperty("members").GetArrayLength());
        Assert.Equal(count, ((string[])["ok", "unknown", "failed"]).Sum(outcome =>
            data.GetProperty(outcome).EnumerateArray().Sum(second => second.GetInt64())));
    }

    [Fact]
    public void Operations_of_one_lane_do_not_overlap()
    {
        var operations = DataOf(Draw(HistoryGenerator.Generate(5, TrafficMix.Everything).Records)).GetProperty("operations");
        long[] Column(string name) => [.. operations.GetProperty(name).EnumerateArray().Select(number => number.GetInt64())];
        var (lane, at, lasts) = (Column("lane"), Column("at"), Column("lasts"));

        foreach (var ofLane in Enumerable.Range(0, lane.Length).GroupBy(i => lane[i]))
            Assert.All(ofLane.Zip(ofLane.Skip(1)), pair => Assert.True(at[pair.First] + lasts[pair.First] <= at[pair.Second]
                + 1));
    }

    [Fact]
    public void A_violation_is_told_with_its_operations()
    {
        var history = new CorruptedHistory(HistoryGenerator.Generate(3, TrafficMix.Everything), new Random(3));
        Assert.True(RevisionCorruptions.All["a read miscounts"](history));

        var violation = DataOf(Draw(history.Records)).GetProperty("violations")[0];

        Assert.Equal("revision order", violation.GetProperty("checker").GetString());
        Assert.NotEqual(0, violation.GetProperty("operations").GetArrayLength());
        Assert.Contains("\"verdict\": \"violated\"", File.ReadAllText(new RunFolder(_path).VerdictFile));
    }

    [Fact]
    public async Task Its_script_draws_zooms_and_tells_what_is_under_the_pointer()
    {
        if (!IsThere("node"))
        {
            Figures.Report("chaos: the report's script was not run, there is no node on the PATH");
            return;
        }
        int count = Lanes.Pick(5_000, 50_000, 200_000);
        Draw(LargeHistory.Of(count).Concat(HistoryGenerator.Generate(3, TrafficMix.Everything).Records
            .Where(record => record.MemberObserved is not null
                || record.ProcessChanged is not null)).Append(Fault(healed: false)).Append(Fault(healed: true)));

        using var shown = JsonDocument.Parse(await RunAsync("node", Path.Combine(AppContext.BaseDirectory, "Report",
            "report-harness.js"), new RunFolder(_path).ReportFile));
        var result = shown.RootElement;

        Assert.StartsWith("chaos, seed 7: ", result.GetProperty("title").GetString());
        Assert.InRange(result.GetProperty("rectangles").GetInt64(), 100, 200_000);
        Assert.InRange(result.GetProperty("tips").GetInt64(), 20, int.MaxValue);
        Figures.Report($"chaos: a report of {count} operations is {new FileInfo(new RunFolder(_path).ReportFile).Length >> 10} KiB, drawn in {result.GetProperty("milliseconds").GetDouble():0} ms");
    }

    private static HistoryRecord Fault(bool healed) => healed
        ? new HistoryRecord { FaultHealed = new FaultHealed { Fault = 1, At = 2_000_000, IsEffective = true,
            Evidence = "packets dropped" } }
        : new HistoryRecord { FaultInjected = new FaultInjected { Fault = 1, At = 1_000_000, Name = "partition",
            Targets = { "m1" } } };

    private string Draw(IEnumerable<HistoryRecord> records)
    {
        var folder = new RunFolder(_path);
        folder.Write(new RunDescription { Seed = 7, Minutes = 0, MemberCount = 3, ServerCommand = "kvstore", Faults = [] });
        using (var writer = folder.OpenWriter())
        {
            foreach (var record in records)
                writer.Write(record);
        }
        var errors = new StringWriter();
        Assert.True(ReportCommand.Run(folder, TextWriter.Null, errors) == 0, errors.ToString());
        return File.ReadAllText(folder.ReportFile);
    }

    private static JsonElement DataOf(string page)
    {
        string base64 = Regex.Match(page, """<script id="data"[^>]*>([^<]*)</script>""").Groups[1].Value;
        using var gzip = new GZipStream(new MemoryStream(Convert.FromBase64String(base64)), CompressionMode.Decompress);
        return JsonDocument.Parse(gzip).RootElement.Clone();
    }

    private static bool IsThere(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Any(folder => File.Exists(Path.Combine(folder, program)));

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true,
            RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, await errors);
        return output;
    }
}
