using System.Diagnostics;
using System.Text.Json;
using Google.Protobuf;
using KvStore.Chaos.History;
using KvStore.Protocol;

namespace KvStore.Chaos.Traffic;

/// <summary>The process that the traffic runs in, within the clients' network: it works until its input ends.</summary>
internal static class TrafficProcess
{
    /// <summary>Of all processes that record, this one's numbers begin at 0.</summary>
    public const int RecorderNumber = 0;

    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(1);

    // Longer than the longest lease: what is left to expire has expired.
    private static readonly TimeSpan LeaseTail = TimeSpan.FromSeconds(12);
    private static readonly TimeSpan WatchTail = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan FinalReadLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(5);

    public static async Task RunAsync(string optionsFile)
    {
        var options = JsonSerializer.Deserialize<TrafficOptions>(await File.ReadAllTextAsync(optionsFile))
            ?? throw new InvalidDataException($"{optionsFile} is empty");
        using var writer = new HistoryWriter(options.HistoryFile);
        var context = new TrafficContext(options, new Recorder(writer, new RunClock(options.ClockOrigin), RecorderNumber));
        using var stopping = new CancellationTokenSource();
        using var ending = new CancellationTokenSource();
        var workers = TrafficMix.Create(context);
        var work = WorkAsync(workers.Where(worker => !worker.IsLast), stopping);
        var last = WorkAsync(workers.Where(worker => worker.IsLast), ending);
        var reports = ReportAsync(context, ending.Token);
        await Task.WhenAny(work, last, Console.In.ReadToEndAsync());
        await stopping.CancelAsync();
        await work;
        await FinishAsync(context);
        await ending.CancelAsync();
        await last;
        await reports;
        foreach (var worker in workers)
            worker.Dispose();
        Report(context);
    }

    // When all others have stopped and the last leases are gone: what there is, and until where the watches have seen it come.
    private static async Task FinishAsync(TrafficContext context)
    {
        await Task.Delay(LeaseTail);
        long start = Stopwatch.GetTimestamp();
        for (int attempt = 0; context.FinalRevision == 0 && Stopwatch.GetElapsedTime(start) < FinalReadLimit; attempt++)
        {
            using var client = new RecordedClient(context.Recorder, context.Members);
            var everything = new RangeRequest { Key = ByteString.CopyFrom(0), RangeEnd = ByteString.CopyFrom(0) };
            string member = context.Members[attempt % context.Members.Count].Name;
            var answer = await client.CallAsync(Rpcs.Range, member, everything, CallLimit, CancellationToken.None);
            if (answer.IsOk)
                context.FinalRevision = answer.Response.Header.Revision;
        }
        await Task.Delay(WatchTail);
    }

    // They work until they are stopped: one that ends before has failed, and the process with it.
    private static Task WorkAsync(IEnumerable<Worker> workers, CancellationTokenSource stopping) =>
        Task.WhenAll(workers.Select(worker => Task.Run(async () =>
        {
            try
            {
                await worker.RunAsync(stopping.Token);
            }
            finally
            {
                await stopping.CancelAsync();
            }
        })));

    private static async Task ReportAsync(TrafficContext context, CancellationToken ending)
    {
        using var pace = new PeriodicTimer(ReportInterval);
        try
        {
            while (await pace.WaitForNextTickAsync(ending))
                Report(context);
        }
        catch (OperationCanceledException)
        {
            // The last report comes when all work has ended.
        }
    }

    private static void Report(TrafficContext context) => Console.WriteLine(JsonSerializer.Serialize(context.Counts));
}
