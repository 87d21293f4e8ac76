using System.Text.RegularExpressions;
using KvStore.Compatibility.Tests.Servers;
using KvStore.Testing;

namespace KvStore.Compatibility.Tests.Etcdctl;

/// <summary>etcdctl's own measure of a server; it takes its minute, so it runs beside all else.</summary>
public sealed partial class CheckPerfTests
{
    [Fact]
    public async Task Is_carried_through_by_ours()
    {
        if (Lanes.IsFast)
            return; // A minute.
        await using var server = await ServerUnderTest.StartAsync(ServerKind.KvStore);
        using var check = EtcdctlProcess.Start(Binaries.Etcdctl35, server.Endpoint, ["check", "perf", "--load=s", "--auto-compact", "--auto-defrag"]);

        await check.AwaitLinesAsync(int.MaxValue, patience: TimeSpan.FromMinutes(3));
        var output = await check.CompleteAsync("");

        string all = output.Text + output.Errors;
        Assert.True(Throughput().IsMatch(all), all);
        Assert.DoesNotContain("too many errors", all, StringComparison.Ordinal);
        // Whether it was fast enough is a matter of the machine and of what else it does: a figure, not a test.
        Figures.Report($"Compatibility: etcdctl check perf: {string.Join("; ", Verdict().Matches(all).Select(line => line.Value.Trim()))}");
    }

    [GeneratedRegex(@"Throughput (?:is|too low:) [1-9][0-9]+ writes/s")]
    private static partial Regex Throughput();

    [GeneratedRegex(@"(?:PASS|FAIL): [^\r\n]+")]
    private static partial Regex Verdict();
}
