using KvStore.Crash.Tests.Campaigns;
using KvStore.Crash.Tests.Processes;
using KvStore.Testing;

namespace KvStore.Crash.Tests;

public sealed class KillTests
{
    [Fact]
    public async Task Nothing_acknowledged_is_lost_when_the_process_is_killed_at_random_moments()
    {
        using var directory = new TemporaryDirectory();
        var campaign = new CrashCampaign(directory.At("data"), Environment.TickCount, KillAsync);

        await campaign.RunAsync(Lanes.Pick(3, 200, 2000));

        Figures.Report($"kill -9 under load: {campaign.Summary}");
    }

    private static async Task KillAsync(MemberProcess member)
    {
        member.Kill();
        await member.ExitCodeAsync();
    }
}
