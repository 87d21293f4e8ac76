using KvStore.Mutants;

namespace KvStore.Simulation.Tests;

public class MutantListTests
{
    [Fact]
    public void Every_planted_bug_still_finds_its_place_in_the_code() => Assert.Empty(MutantList.Problems(MutantList.FindRoot()));

    [Fact]
    public void There_is_a_planted_bug_for_each_rule_of_the_core()
    {
        var rules = MutantList.Read(MutantList.FindRoot()).Select(mutant => mutant.Rule).ToList();

        Assert.All(Enumerable.Range(1, 26), number => Assert.Contains(rules, rule => rule.StartsWith($"{number}: ", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_storm_of_a_fault_that_does_not_exist_is_a_problem()
    {
        string root = MutantList.FindRoot();
        var mutant = MutantList.Read(root)[0];
        mutant.StormFaults = "kill,thunder";

        string problem = Assert.Single(MutantList.Problems(root, [mutant]));

        Assert.StartsWith($"{mutant.Name}: there is no fault 'thunder', but ", problem);
    }
}
