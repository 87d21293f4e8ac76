using KvStore.Chaos.History;
using KvStore.Chaos.Runs;
using KvStore.Protocol;

namespace KvStore.Chaos.Tests.Runs;

public sealed class HistoryMergeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("chaos-merge-").FullName;

    [Fact]
    public void Parts_become_one_history_in_the_order_of_time()
    {
        string one = Write("one", 1, 4, 5), other = Write("other", 2, 3, 6);

        Assert.Equal([1, 2, 3, 4, 5, 6], Merge(one, other).Records.Select(record => record.Note.At));
    }

    [Fact]
    public void Seconds_with_an_acknowledged_write_are_told()
    {
        string part = Path.Combine(_folder, "writes");
        using (var writer = new HistoryWriter(part))
        {
            writer.Write(Put(at: 1_500_000_000, Outcome.Ok));
            writer.Write(Put(at: 3_500_000_000, Outcome.Unknown));
        }

        Assert.Equal([1], Merge(part).Seconds);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static Operation Put(long at, Outcome outcome) => new()
    {
        ReturnedAt = at,
        Outcome = outcome,
        Request = new Request { Put = new PutRequest() },
        Response = outcome == Outcome.Ok ? new Response { Put = new PutResponse() } : null,
    };

    private string Write(string name, params long[] times)
    {
        string path = Path.Combine(_folder, name);
        using var writer = new HistoryWriter(path);
        foreach (long time in times)
            writer.Write(new HistoryRecord { Note = new Note { At = time } });
        return path;
    }

    private (IReadOnlyList<HistoryRecord> Records, HashSet<long> Seconds) Merge(params string[] parts)
    {
        string whole = Path.Combine(_folder, "whole");
        HashSet<long> seconds;
        using (var writer = new HistoryWriter(whole))
            seconds = HistoryMerge.Merge(parts, writer);
        using var reader = new HistoryReader(whole);
        return ([.. reader.Records()], seconds);
    }
}
