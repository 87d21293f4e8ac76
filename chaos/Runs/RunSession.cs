using System.Text.Json;
using KvStore.Chaos.Faults;
using KvStore.Chaos.Faults.Disks;
using KvStore.Chaos.Faults.Processes;
using KvStore.Chaos.History;
using KvStore.Chaos.Rig;
using KvStore.Chaos.Traffic;

namespace KvStore.Chaos.Runs;

/// <summary>One run from the making of the rig to the history that the checkers read. Lives in the runner's process.</summary>
internal sealed class RunSession(RunRequest request, CancellationToken interrupted)
{
    /// <summary>The runner's; see <see cref="TrafficProcess.RecorderNumber"/>.</summary>
    private const int RecorderNumber = 1;

    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true };
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly RunFolder _folder = new(request.OutFolder);
    private readonly RunClock _clock = RunClock.StartNow();
    private readonly List<string> _violations = [];

    private string OwnPart => Path.Combine(request.OutFolder, "runner.part");

    private string TrafficPart => Path.Combine(request.OutFolder, "traffic.part");

    public static string SummaryFile(string folder) => Path.Combine(folder, "summary.json");

    public static void WriteSummary(string folder, RunSummary summary) =>
        File.WriteAllText(SummaryFile(folder), JsonSerializer.Serialize(summary, Json) + "\n");

    /// <exception cref="RigException">The run left none.</exception>
    public static RunSummary ReadSummary(string folder) =>
        JsonSerializer.Deserialize<RunSummary>(File.ReadAllText(SummaryFile(folder)))
        ?? throw new RigException($"{SummaryFile(folder)} is empty");

    /// <exception cref="OperationCanceledException">It was ended before its time; what was recorded stays.</exception>
    /// <exception cref="RigException">The rig failed.</exception>
    public async Task<RunSummary> RunAsync()
    {
        var ledger = new RunLedger(request.LedgerFile);
        Describe();
        RunSummary summary;
        using (var writer = new HistoryWriter(OwnPart))
        {
            var recorder = new Recorder(writer, _clock, RecorderNumber);
            await using var rig = new ClusterRig(Options(), ledger, recorder);
            await rig.BuildAsync();
            summary = await RunAsync(rig);
        }
        summary = Merge(summary);
        WriteSummary(request.OutFolder, summary);
        return summary;
    }

    private async Task<RunSummary> RunAsync(ClusterRig rig)
    {
        rig.Recorder.Write(new HistoryRecord
        {
            RunStarted = new RunStarted { Seed = request.Seed, Members = { rig.Members.Select(member => member.Name) } },
        });
        await rig.StartAsync();
        await using var observer = new Observer(rig);
        observer.Start();
        await ReadyAsync(rig, observer);
        using var @operator = new Operator(rig, observer);
        using var recovery = new Recovery(rig);
        using var traffic = await StartTrafficAsync(rig);
        var storm = new Storm(new FaultContext(rig, observer, @operator, new Random(0)), request.Seed, request.Faults);
        try
        {
            await StormsAsync(rig, storm, recovery, traffic);
            await traffic.StopAsync();
            await AuditAsync(rig, observer);
        }
        catch (RecoveryException problem)
        {
            rig.Recorder.Note(problem.Message);
            _violations.Add(problem.Message);
            await traffic.StopAsync();
        }
        _violations.AddRange(rig.Members.SelectMany(member => member.UnexpectedEnds));
        return Summarize(storm, observer, @operator, recovery, traffic.Counts, rig.Recorder);
    }

    private async Task ReadyAsync(ClusterRig rig, Observer observer)
    {
        var clock = RunClock.StartNow();
        while (!rig.Members.All(member => observer.ViewOf(member).IsAnswering) || observer.Leader is null)
        {
            if (clock.Elapsed > StartLimit)
                throw new RigException($"the members do not serve {StartLimit.TotalSeconds} s after their start, see {rig.LogFolder}");
            await Task.Delay(50, interrupted);
        }
    }

    private Task<TrafficHandle> StartTrafficAsync(ClusterRig rig) => TrafficHandle.StartAsync(
        rig.Network,
        new TrafficOptions
        {
            Seed = request.Seed,
            Members = rig.Addresses,
            ClockOrigin = _clock.Origin,
            HistoryFile = TrafficPart,
            Rate = request.Rate,
        },
        request.WorkFolder);

    private async Task StormsAsync(ClusterRig rig, Storm storm, Recovery recovery, TrafficHandle traffic)
    {
        var lengths = new Random(unchecked((int)request.Seed) ^ 0x5EED);
        var total = TimeSpan.FromMinutes(request.Minutes);
        var begin = _clock.Elapsed;
        while (total - (_clock.Elapsed - begin) is var left && left > TimeSpan.FromSeconds(5))
        {
            var length = TimeSpan.FromSeconds(lengths.Next(60, 90));
            // No short storm at the end.
            if (left - length < TimeSpan.FromSeconds(30))
                length = left;
            var faults = await storm.RunAsync(length, interrupted);
            rig.Recorder.Note("all faults are healed");
            await recovery.MeasureAsync(faults, interrupted);
            var (first, all) = recovery.Times[^1];
            Console.WriteLine(FormattableString.Invariant(
                $"{_clock.Elapsed.TotalSeconds,6:F0} s  {traffic.Counts.Operations} operations, {storm.EffectiveCount} faults; ")
                + FormattableString.Invariant($"first write {first.TotalSeconds:F1} s after healing, all members {all.TotalSeconds:F1} s"));
            if (traffic.Ended.IsCompleted)
                throw new RigException("the traffic has ended before its time");
            // Calm, for what checks that things become right in time.
            await Task.Delay(TimeSpan.FromSeconds(4), interrupted);
        }
    }

    private async Task AuditAsync(ClusterRig rig, Observer observer) =>
        _violations.AddRange(await new FinalAudit(rig, observer).RunAsync(interrupted));

    private RunSummary Summarize(
        Storm storm, Observer observer, Operator @operator, Recovery recovery, TrafficCounts traffic, Recorder own) => new()
        {
            Minutes = request.Minutes,
            Operations = traffic.Operations + own.Count(Outcome.Ok) + own.Count(Outcome.Failed) + own.Count(Outcome.Unknown),
            UnknownOutcomes = traffic.Unknown + own.Count(Outcome.Unknown),
            Faults = storm.Count,
            EffectiveFaults = storm.EffectiveCount,
            Elections = observer.TermCount,
            SnapshotsSent = observer.SnapshotCount,
            Watches = traffic.Watches,
            ResumedWatches = traffic.ResumedWatches,
            WatchEvents = traffic.WatchEvents,
            Compactions = @operator.Compactions,
            PowerCuts = storm.ByName
                .Where(kind => kind.Key is PowerCut.OneKind or PowerCut.ManyKind or PowerCut.AllKind).Sum(kind => kind.Value.All),
            FirstWriteSeconds = [.. recovery.Times.Select(time => Math.Round(time.FirstWrite.TotalSeconds, 3))],
            AllAnswerSeconds = [.. recovery.Times.Select(time => Math.Round(time.AllAnswer.TotalSeconds, 3))],
            FaultsByName = storm.ByName.ToDictionary(kind => kind.Key, kind => $"{kind.Value.Effective}/{kind.Value.All}"),
            Violations = _violations,
        };

    // The run's processes are gone: their parts become one history.
    private RunSummary Merge(RunSummary summary)
    {
        HashSet<long> writtenSeconds;
        long end = _clock.Now;
        using (var whole = _folder.OpenWriter())
        {
            writtenSeconds = HistoryMerge.Merge([OwnPart, TrafficPart], whole);
            whole.Write(new HistoryRecord { RunEnded = new RunEnded { At = end } });
        }
        File.Delete(OwnPart);
        File.Delete(TrafficPart);
        long seconds = (long)(summary.Minutes * 60);
        long first = writtenSeconds.Count == 0 ? 0 : writtenSeconds.Min();
        int unavailable = Enumerable.Range(0, (int)seconds).Count(second => !writtenSeconds.Contains(first + second));
        return summary with { UnavailableSeconds = unavailable };
    }

    private void Describe()
    {
        _folder.Write(new RunDescription
        {
            Seed = request.Seed,
            Minutes = request.Minutes,
            MemberCount = request.MemberCount,
            ServerCommand = request.ServerTemplate,
            Faults = request.Faults,
            Command = request.Command,
            StartedAt = DateTimeOffset.UtcNow,
            ElectionTimeoutMilliseconds = ServerCommand.ElectionMilliseconds,
            Versions = new Dictionary<string, string>
            {
                ["kernel"] = Environment.OSVersion.VersionString,
                ["runtime"] = Environment.Version.ToString(),
                ["chaos"] = typeof(RunSession).Assembly.GetName().Version?.ToString() ?? "",
            },
        });
    }

    private RigOptions Options() => new()
    {
        MemberCount = request.MemberCount,
        ServerTemplate = request.ServerTemplate,
        WorkFolder = request.WorkFolder,
        OutFolder = request.OutFolder,
        RunId = request.RunId,
        SetsClocks = request.Faults.Contains(ClockJump.Kind),
    };
}
