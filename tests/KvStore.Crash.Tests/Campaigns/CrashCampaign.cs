using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Histories;
using KvStore.Crash.Tests.Load;
using KvStore.Crash.Tests.Processes;
using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Crash.Tests.Campaigns;

/// <summary>Round after round: start, check all that was promised, put under load, break at a random moment.</summary>
/// <param name="breakAsync">Ends the member by force, and leaves the directory such that it can be started there again.</param>
internal sealed class CrashCampaign(string dataDirectory, int seed, Func<MemberProcess, Task> breakAsync)
{
    private const int LeastAcknowledged = 5, MostAcknowledged = 500;

    /// <summary>One of so many starts is itself interrupted.</summary>
    private const int InterruptedStarts = 8;

    // Checkpoints all the time, and values that do not all stay in memory.
    private static readonly string[] Flags = ["--snapshot-count=40", "--value-memory-bytes=16777216"];

    private readonly Random _random = new(seed);
    private readonly Ledger _ledger = new();
    private readonly Chronicle _chronicle = new();
    private long _watchedRevision = 1;
    private long _watchedEvents;
    private int _interruptedStarts;

    /// <summary>What was done.</summary>
    public string Summary { get; private set; } = "";

    public async Task RunAsync(int rounds)
    {
        var checker = new HistoryChecker(_chronicle, _ledger, new Random(_random.Next()));
        for (int round = 1; round <= rounds; round++)
        {
            await InterruptStartAsync();
            await using var member = await MemberProcess.StartAsync(dataDirectory, Flags);
            await RunRoundAsync(member, round, checker);
        }
        await using var last = await MemberProcess.StartAsync(dataDirectory, Flags);
        await VerifyAsync(last, checker, rounds + 1);
        Summary = $"{rounds} rounds, {_interruptedStarts} interrupted starts, {_ledger.AcknowledgedCount} acknowledged writes, "
            + $"{_ledger.UnknownCount} of unknown outcome ({checker.SurvivedCount} of them happened), {_ledger.ReadCount} reads, "
            + $"{checker.ExpiryCount} expiries, {_ledger.CompactionCount} compactions, {checker.Revision} revisions, "
            + $"{_watchedEvents} events watched live, {CheckpointCount()} checkpoints; nothing lost, no gap, no step back";
    }

    private async Task RunRoundAsync(MemberProcess member, int number, HistoryChecker checker)
    {
        await VerifyAsync(member, checker, number);
        int target = _random.Next(LeastAcknowledged, MostAcknowledged);
        using var round = new LoadRound(member.Url, number, _ledger, _chronicle, _watchedRevision + 1, target, _random);
        try
        {
            await round.RunAsync();
            round.ExpectBreak();
            await breakAsync(member);
            await round.EndAsync();
        }
        catch (Exception failure)
        {
            throw Explain(failure, number, member);
        }
        _watchedRevision = round.WatchedRevision;
        _watchedEvents += round.WatchedEvents;
    }

    private async Task VerifyAsync(MemberProcess member, HistoryChecker checker, int round)
    {
        using var client = new EtcdClient(member.Url);
        try
        {
            await checker.VerifyAsync(client);
        }
        catch (RpcException failure) when (failure.StatusCode == StatusCode.DeadlineExceeded)
        {
            throw Explain(failure, round, member, await DescribeSilenceAsync(member, client));
        }
        catch (Exception failure)
        {
            throw Explain(failure, round, member);
        }
    }

    /// <summary>Whether it is the member that does not answer, its log, or one connection.</summary>
    private static async Task<string> DescribeSilenceAsync(MemberProcess member, EtcdClient client)
    {
        string threads = member.DescribeThreads(), asked = client.LastMethod;
        using var other = new EtcdClient(member.Url);
        return $"Asked was {asked}; asked anew: a read of its state: {await AskAsync(other, isSerializable: true)}; of what the log says: {await AskAsync(other)}; "
            + $"over the same connection: {await AskAsync(client)}\nIts threads: {threads}\n";
    }

    private static async Task<string> AskAsync(EtcdClient client, bool isSerializable = false)
    {
        try
        {
            await client.RangeAsync(new RangeRequest { Key = EtcdClient.AllKeys, Serializable = isSerializable }).WaitAsync(TimeSpan.FromSeconds(10));
            return "it answers";
        }
        catch (Exception failure) when (failure is TimeoutException or RpcException)
        {
            return failure.Message;
        }
    }

    private HistoryException Explain(Exception failure, int round, MemberProcess member, string state = "") =>
        new($"seed {seed}, round {round}: {failure.Message}\n{state}The member's log:\n{member.Log}", failure);

    /// <summary>Recovery must stand a crash as well: now and then a start is killed on its way.</summary>
    private async Task InterruptStartAsync()
    {
        if (_random.Next(InterruptedStarts) != 0)
            return;
        _interruptedStarts++;
        await using var member = MemberProcess.Run([$"--data-dir={dataDirectory}", .. MemberProcess.FreePorts, .. Flags]);
        await member.Log.LineAsync(_ => true).WaitAsync(Limits.Patience);
        Thread.SpinWait(_random.Next(5_000_000));
        member.Kill();
        await member.ExitCodeAsync();
    }

    /// <summary>Checkpoints are numbered from one.</summary>
    private long CheckpointCount() =>
        Directory.GetFiles(Path.Combine(dataDirectory, "checkpoints"), "*.checkpoint")
            .Select(file => Convert.ToInt64(Path.GetFileNameWithoutExtension(file), 16))
            .DefaultIfEmpty(0)
            .Max();
}
