using System.Diagnostics;
using KvStore.Raft;
using KvStore.Testing;

namespace KvStore.Server.Tests.Peers;

/// <summary>What messages cost on the loopback, both sides together; tests that run beside it add to it, since it counts the CPU of the whole process.</summary>
[Collection(ProcessLogCollection.Name)]
public sealed class PeerCostTests : IAsyncLifetime
{
    private const int EntriesEach = 20;
    private const int EntryBytes = 300;

    private PeerNode[] _nodes = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
    }

    /// <summary>Appends of 20 entries of 300 bytes to one follower, each answered, so many on their way at a time.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(256)]
    public async Task Every_append_is_answered_and_what_that_costs_is_told(int window)
    {
        int count = Lanes.Pick(2_000, 5_000, 200_000);
        _nodes = await PeerNode.StartClusterAsync(2);
        await _nodes[0].ReachesAsync(_nodes[1]);
        await _nodes[1].ReachesAsync(_nodes[0]);
        await ExchangeAsync(count, window); // Warms the code up.
        using var process = Process.GetCurrentProcess();
        long allocated = GC.GetTotalAllocatedBytes();
        var cpu = process.TotalProcessorTime;
        long start = Stopwatch.GetTimestamp();

        await ExchangeAsync(count, window);

        var took = Stopwatch.GetElapsedTime(start);
        process.Refresh();
        double microseconds = (process.TotalProcessorTime - cpu).TotalMicroseconds / count;
        Figures.Report(
            $"peers: {EntriesEach} x {EntryBytes} B with answers, {window} on their way: {count / took.TotalSeconds:N0}/s, "
            + $"{microseconds:N1} us CPU and {(GC.GetTotalAllocatedBytes() - allocated) / count:N0} B allocated each, both sides together");
    }

    private async Task ExchangeAsync(int count, int window)
    {
        var (leader, follower) = (_nodes[0], _nodes[1]);
        var entries = Enumerable.Range(1, EntriesEach)
            .Select(i => new Entry(1, (ulong)i, EntryType.Normal, new byte[EntryBytes])).ToArray();
        var append = new Message { Type = MessageType.App, From = leader.Id, To = follower.Id, Term = 1, LogTerm = 1, Commit = 1, Entries = entries };
        var answer = new Message { Type = MessageType.AppResp, From = follower.Id, To = leader.Id, Term = 1, Index = EntriesEach };
        var isDone = new TaskCompletionSource();
        int started = Math.Min(window, count);
        int answered = 0;
        follower.OnReceive = _ => follower.Transport.Send(answer);
        leader.OnReceive = _ =>
        {
            if (Interlocked.Increment(ref started) <= count)
                leader.Transport.Send(append);
            if (Interlocked.Increment(ref answered) == count)
                isDone.SetResult();
        };
        for (int i = 0; i < Math.Min(window, count); i++)
            leader.Transport.Send(append);
        await isDone.Task.WaitAsync(TimeSpan.FromMinutes(2));
    }
}
