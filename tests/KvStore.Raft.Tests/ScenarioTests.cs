using KvStore.Raft.Scenarios;

namespace KvStore.Raft.Tests;

public sealed class ScenarioTests
{
    private static string Folder => Path.Combine(AppContext.BaseDirectory, "scenarios");

    public static TheoryData<string> Files() =>
        [.. ScenarioFile.Find(Folder).Select(file => Path.GetRelativePath(Folder, file))];

    [Theory]
    [MemberData(nameof(Files))]
    public void What_comes_out_of_a_scenario_is_what_its_file_says(string file)
    {
        var results = ScenarioFile.Replay(Path.Combine(Folder, file));

        var failed = results.Where(result => !result.Passed).Select(result => Difference.Render(file, result));
        Assert.NotEmpty(results);
        Assert.Equal("", string.Join("\n", failed));
    }

    [Fact]
    public void Each_rule_has_scenarios()
    {
        Assert.True(Files().Count >= 40);
    }

    [Fact]
    public void Log_lines_are_left_out_where_they_are_to_be_ignored()
    {
        string file = Path.GetTempFileName();
        File.WriteAllText(file, "log-level debug\n----\nok\n\nadd-nodes 1 voters=(1) index=2\n----\nINFO 1 became follower\n");

        var exact = ScenarioFile.Replay(file);
        var ignoring = ScenarioFile.Replay(file, ignoreLogLines: true);

        File.Delete(file);
        Assert.Equal([true, false], exact.Select(result => result.Passed));
        Assert.Equal([true, true], ignoring.Select(result => result.Passed));
    }

    [Fact]
    public void A_difference_shows_what_is_missing_and_what_is_too_much()
    {
        var directive = new Directive(3, "status", [], "", "");

        string text = Difference.Render("file.txt", new DirectiveResult(directive, "a\nb\nc", "a\nc\nd"));

        Assert.Equal("file.txt:3: status\n  a\n- b\n  c\n+ d\n", text.ReplaceLineEndings("\n"));
    }
}
