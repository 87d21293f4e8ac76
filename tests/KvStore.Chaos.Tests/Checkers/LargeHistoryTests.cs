using System.Diagnostics;
using KvStore.Chaos.Checkers;
using KvStore.Chaos.History;
using KvStore.Chaos.Tests.Generation;
using KvStore.Testing;

namespace KvStore.Chaos.Tests.Checkers;

public sealed class LargeHistoryTests
{
    [Fact]
    public void Many_operations_are_checked_in_seconds()
    {
        int count = Lanes.Pick(20_000, 200_000, 1_000_000);
        string path = Path.Combine(Path.GetTempPath(), $"chaos-large-{Environment.ProcessId}.bin");
        try
        {
            using (var writer = new HistoryWriter(path))
            {
                foreach (var record in LargeHistory.Of(count))
                    writer.Write(record);
            }
            long begun = Stopwatch.GetTimestamp();
            using var reader = new HistoryReader(path);
            var history = RunHistory.Of(reader.Records());
            var reading = Stopwatch.GetElapsedTime(begun);
            var verdict = AllCheckers.Check(history, minutes: 0);

            // Nobody asked these members for a hash; all else is judged.
            Assert.Equal(0, verdict.ViolationCount);
            Assert.Equal(count, history.Operations.Count);
            double checking = verdict.Results.Sum(result => result.Elapsed.TotalSeconds);
            Figures.Report(FormattableString.Invariant(
                $"chaos: a history of {count} operations ({new FileInfo(path).Length >> 20} MiB) read in {reading.TotalSeconds:0.00} s, checked in {checking:0.00} s"));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
