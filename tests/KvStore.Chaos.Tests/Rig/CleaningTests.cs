using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Tests.Rig;

/// <summary>However a run ends, nothing of it stays on the machine.</summary>
public sealed class CleaningTests
{
    [Fact]
    public async Task A_run_whose_supervisor_is_killed_ends_and_clears_away_by_itself()
    {
        using var run = new RunUnderTest();
        var processes = await run.AtWorkAsync();

        run.KillSupervisor();

        await run.GoneAsync(processes);
    }

    [Fact]
    public async Task A_run_whose_runner_is_killed_is_cleared_away_by_its_supervisor()
    {
        using var run = new RunUnderTest();
        var processes = await run.AtWorkAsync();

        run.KillRunner();

        Assert.Equal(ExitCodes.RigFailed, await run.ExitCodeAsync());
        await run.GoneAsync(processes);
    }

    [Fact]
    public async Task What_a_run_leaves_that_was_killed_as_a_whole_is_cleared_away_by_the_next_start()
    {
        using var run = new RunUnderTest();
        var processes = await run.AtWorkAsync();
        run.KillSupervisor();
        run.KillRunner();
        await run.ExitCodeAsync();

        await RunLedger.SweepAsync();

        await run.GoneAsync(processes);
    }

    [Fact]
    public async Task Several_that_start_at_once_clear_away_what_a_dead_run_leaves_together()
    {
        using var run = new RunUnderTest();
        var processes = await run.AtWorkAsync();
        run.KillSupervisor();
        run.KillRunner();
        await run.ExitCodeAsync();

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(RunLedger.SweepAsync)));

        await run.GoneAsync(processes);
    }

    [Fact]
    public async Task A_run_that_lives_is_left_alone_by_the_next_start()
    {
        using var run = new RunUnderTest();
        var processes = await run.AtWorkAsync();

        await RunLedger.SweepAsync();

        Assert.True(processes.All(process => process.IsAlive));
        Assert.NotEmpty(run.Remains());
        run.KillSupervisor();
        await run.GoneAsync(processes);
    }
}
