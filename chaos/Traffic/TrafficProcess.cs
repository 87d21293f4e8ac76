using System.Text.Json;
using KvStore.Chaos.History;

namespace KvStore.Chaos.Traffic;

/// <summary>The process that the traffic runs in, within the clients' network: it works until its input ends.</summary>
internal static class TrafficProcess
{
    /// <summary>Of all processes that record, this one's numbers begin at 0.</summary>
    public const int RecorderNumber = 0;

    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(1);

    public static async Task RunAsync(string optionsFile)
    {
        var options = JsonSerializer.Deserialize<TrafficOptions>(await File.ReadAllTextAsync(optionsFile))
            ?? throw new InvalidDataException($"{optionsFile} is empty");
        using var writer = new HistoryWriter(options.HistoryFile);
        var context = new TrafficContext(options, new Recorder(writer, new RunClock(options.ClockOrigin), RecorderNumber));
        using var stopping = new CancellationTokenSource();
        var workers = TrafficMix.Create(context);
        var work = Task.WhenAll(workers.Select(worker => Task.Run(() => WorkAsync(worker, stopping))));
        var reports = ReportAsync(context, stopping.Token);
        await Task.WhenAny(work, Console.In.ReadToEndAsync());
        await stopping.CancelAsync();
        await work;
        await reports;
        foreach (var worker in workers)
            worker.Dispose();
        Report(context);
    }

    // They work until they are stopped: one that ends before has failed, and the process with it.
    private static async Task WorkAsync(Worker worker, CancellationTokenSource stopping)
    {
        try
        {
            await worker.RunAsync(stopping.Token);
        }
        finally
        {
            await stopping.CancelAsync();
        }
    }

    private static async Task ReportAsync(TrafficContext context, CancellationToken stopping)
    {
        using var pace = new PeriodicTimer(ReportInterval);
        try
        {
            while (await pace.WaitForNextTickAsync(stopping))
                Report(context);
        }
        catch (OperationCanceledException)
        {
            // The last report comes when all work has ended.
        }
    }

    private static void Report(TrafficContext context) => Console.WriteLine(JsonSerializer.Serialize(context.Counts));
}
