using System.CommandLine;
using System.Text;
using System.Text.Json;
using KvStore.Server.Configuration;

namespace KvStore.Server.Tests.Configuration;

[Collection(ProcessLogCollection.Name)]
public class ServerCommandTests
{
    private readonly StringWriter _output = new();
    private readonly StringWriter _error = new();
    private readonly MemoryStream _log = new();
    private ServerOptions? _served;

    private ServerCommand Command() => new(
        new ProcessEnvironment
        {
            Variables = new Dictionary<string, string>(),
            ReadFile = _ => "",
            Output = _output,
            Error = _error,
            OpenLog = _ => [_log],
            Clock = FixedClock.AtNoon(),
        },
        (options, _) =>
        {
            _served = options;
            return Task.FromResult(7);
        });

    private string LogText() => Encoding.UTF8.GetString(_log.ToArray());

    [Fact]
    public async Task The_member_runs_with_its_options_and_its_exit_code_is_the_commands()
    {
        int exit = await Command().InvokeAsync(["--name=m1"]);

        Assert.Equal(7, exit);
        Assert.Equal("m1", _served?.Name);
    }

    [Fact]
    public async Task The_log_starts_with_the_flags_and_what_reading_them_left_to_say()
    {
        await Command().InvokeAsync(["--name=m1", "--max-wals=3", "--discovery-password=hunter2"]);

        string[] messages = [.. LogText().Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("msg").GetString()!)];
        Assert.Equal("starting", messages[0]);
        Assert.Contains("flag has no effect", messages);
        Assert.Contains("--name=m1", LogText());
        Assert.DoesNotContain("hunter2", LogText());
    }

    [Fact]
    public async Task An_unknown_flag_is_a_usage_error()
    {
        int exit = await Command().InvokeAsync(["--foo"]);

        Assert.Equal(2, exit);
        Assert.Equal(
            ["flag provided but not defined: -foo", "Run 'kvstore --help' to see all flags."],
            _error.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
        Assert.Null(_served);
    }

    [Fact]
    public async Task What_does_not_make_sense_ends_with_a_line_for_each_problem()
    {
        int exit = await Command().InvokeAsync(["--heartbeat-interval=0", "--logger=x"]);

        Assert.Equal(1, exit);
        Assert.Equal(2, LogText().Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains("\"msg\":\"failed to verify flags\",\"error\":\"unknown logger option \\\"x\\\"\"", LogText());
    }

    [Fact]
    public async Task The_first_line_of_the_version_is_etcds()
    {
        Assert.Equal(0, await Command().InvokeAsync(["--version"]));

        Assert.StartsWith("etcd Version: 3.6.14" + Environment.NewLine + "kvstore Version: ", _output.ToString());
    }

    [Theory]
    [InlineData("-h")]
    [InlineData("--help")]
    [InlineData("--name=a", "-help")]
    public async Task The_help_names_every_flag(params string[] arguments)
    {
        Assert.Equal(0, await Command().InvokeAsync(arguments));

        Assert.All(
            FlagTable.Flags.Where(flag => !flag.IsHidden).SelectMany(flag => flag.OldNames.Append(flag.Name)),
            name => Assert.Contains("--" + name, _output.ToString()));
    }

    [Fact]
    public async Task A_subcommand_has_options_of_its_own()
    {
        var size = new Option<int>("--size");
        var bench = new Command("bench", "Measure.") { size };
        int? asked = null;
        bench.SetAction(result => { asked = result.GetValue(size); });
        ServerCommand command = Command();
        command.Add(bench.Name, () => bench);

        int exit = await command.InvokeAsync(["bench", "--size", "3"]);

        Assert.Equal(3, asked);
        Assert.Equal(0, exit);
        Assert.Null(_served);
    }

    [Fact]
    public async Task Values_reach_the_options_whatever_they_look_like()
    {
        await Command().InvokeAsync(["--name", "--", "--initial-cluster-token", "a=b:c @x [y]", "--data-dir", "snapshot"]);

        Assert.Equal(("--", "a=b:c @x [y]", "snapshot"), (_served?.Name, _served?.InitialClusterToken, _served?.DataDirectory));
    }

    [Fact]
    public async Task An_empty_value_counts()
    {
        await Command().InvokeAsync(["--cors=a", "--cors="]);

        Assert.Equal([], _served?.CorsOrigins);
    }
}
