using KvStore.Mutants;

namespace KvStore.Simulation.Tests;

public class StormJudgeTests
{
    [Fact]
    public void A_violation_is_what_the_last_line_says_without_the_figures_and_the_folder()
    {
        const string output = """
            registers       2 VIOLATIONS
            seen by the rig: m1 ended by itself
            7000 operations, 12 faults: VIOLATION: stale read: read 4 (revision 7) after 9 (/tmp/storms/no-sync-1)

            """;

        var storm = StormJudge.Read(1, output, seed: 1, TimeSpan.Zero);

        Assert.Equal("stale read: read 4 (revision 7) after 9", storm.Violation);
    }

    [Theory]
    [InlineData(0, "7000 operations: no violation", "passed")]
    [InlineData(1, "7000 operations: UNDECIDED: r/1 (/tmp/a)", "r/1")]
    [InlineData(4, "chaos: the rig failed: no network", "chaos: the rig failed: no network")]
    [InlineData(5, "40 operations: INVALID: 0 elections, 5 are the least (/tmp/a)",
        "no violation, but too little: 0 elections, 5 are the least")]
    [InlineData(null, "", "hung and was ended")]
    public void A_storm_that_showed_no_violation_has_found_nothing(int? exitCode, string last, string why)
    {
        var storm = StormJudge.Read(exitCode, last, seed: 1, TimeSpan.Zero);

        Assert.Null(storm.Violation);
        Assert.Equal(why, storm.Why);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(130)]
    public void A_storm_that_could_not_be_run_to_its_end_judges_nobody(int exitCode) =>
        Assert.Throws<JudgeException>(() => StormJudge.Read(exitCode, "interrupted", seed: 1, TimeSpan.Zero));
}
