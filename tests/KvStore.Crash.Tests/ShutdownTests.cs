using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Histories;
using KvStore.Crash.Tests.Load;
using KvStore.Crash.Tests.Processes;

namespace KvStore.Crash.Tests;

public sealed class ShutdownTests
{
    [Fact]
    public async Task A_signal_to_terminate_ends_the_member_cleanly_within_seconds_while_streams_are_open_and_requests_run()
    {
        using var directory = new TemporaryDirectory();
        var (ledger, chronicle) = (new Ledger(), new Chronicle());
        var checker = new HistoryChecker(chronicle, ledger, new Random(1));
        await using (var member = await MemberProcess.StartAsync(directory.At("data")))
        {
            using var round = new LoadRound(member.Url, 1, ledger, chronicle, watchFrom: 2, target: 300, new Random(2));
            await round.RunAsync();
            round.ExpectBreak();

            member.Terminate();

            Assert.Equal(0, await member.ExitCodeAsync(Limits.CleanStop));
            Assert.Contains(member.Log.Lines, line => line.Contains("\"closed member\""));
            Assert.DoesNotContain(member.Log.Lines, line => line.Contains("\"level\":\"error\"") || line.Contains("\"level\":\"fatal\""));
            await round.EndAsync();
        }

        await using var again = await MemberProcess.StartAsync(directory.At("data"));
        using var client = new EtcdClient(again.Url);
        await checker.VerifyAsync(client);
    }

    [Fact]
    public async Task A_signal_during_the_start_ends_it_as_well()
    {
        using var directory = new TemporaryDirectory();
        await using var member = MemberProcess.Run([$"--data-dir={directory.At("data")}", .. MemberProcess.FreePorts]);
        await member.Log.LineAsync(line => line.Contains("\"starting\"")).WaitAsync(Limits.Patience);

        member.Terminate();

        Assert.Equal(0, await member.ExitCodeAsync());
    }

    [Fact]
    public async Task The_log_tells_which_port_the_system_picked()
    {
        using var directory = new TemporaryDirectory();
        await using var member = await MemberProcess.StartAsync(directory.At("data"));

        Assert.NotEqual(0, new Uri(member.Url).Port);
        using var client = new EtcdClient(member.Url);
        Assert.Equal(2, (await client.PutAsync("key", "value")).Header.Revision);
    }
}
