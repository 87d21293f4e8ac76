using System.Text;
using System.Threading.Channels;
using Orchestrator.Runtime.Hollow;
using Orchestrator.Runtime.Streams;

namespace Orchestrator.Runtime.Tests.Nodes;

public sealed class EchoShellTests
{
    [Theory]
    [InlineData("echo a  b", "a b\n", "", 0)]
    [InlineData("echo 'a  b' \"c $X\" '$X' \\$X", "a  b c 7 $X $X\n", "", 0)]
    [InlineData("echo -n a; echo b >&2; exit 3; echo never", "a", "b\n", 3)]
    [InlineData("true && echo yes || echo no", "yes\n", "", 0)]
    [InlineData("false && echo yes || echo no", "no\n", "", 0)]
    [InlineData("false; echo $?", "1\n", "", 0)]
    [InlineData("cat; echo done # a comment", "input\ndone\n", "", 0)]
    [InlineData("sh -c 'exit 4'; echo $?", "4\n", "", 0)]
    [InlineData("nonesuch", "", "sh: nonesuch: not found\n", 127)]
    [InlineData("cat /etc/passwd", "", "cat: /etc/passwd: No such file or directory\n", 1)]
    [InlineData("echo 'open", "", "sh: syntax error: unterminated quoted string\n", 2)]
    [InlineData("echo a | cat", "", "sh: syntax error: unexpected \"|\"\n", 2)]
    [InlineData("sleep 5; echo late", "late\n", "", 0)]
    [InlineData("false", "", "", 1)]
    public async Task Texts_are_run(string text, string output, string errors, int exitCode)
    {
        var (code, said, complained) = await RunAsync(["sh", "-c", text], "input\n", isTerminal: false);

        Assert.Equal((output, errors, exitCode), (said, complained, code));
    }

    [Fact]
    public async Task An_interactive_shell_runs_line_by_line_and_prompts_on_a_terminal()
    {
        Assert.Equal((5, "hi\n", ""), await RunAsync(["sh"], "echo hi\nexit 5\necho never\n", isTerminal: false));
        Assert.Equal((0, "/ # 43 132\n/ # ", ""), await RunAsync(["/bin/sh"], "stty size\n", isTerminal: true));
    }

    [Theory]
    [InlineData(true, "sh", "-c", "echo a; sleep 5 && exit 1")]
    [InlineData(true, "/bin/sleep", "3600")]
    [InlineData(false, "sh", "-c", "while true; do sleep 1; done")]
    [InlineData(false, "sh")]
    [InlineData(false, "nginx", "-g", "daemon off;")]
    public void Commands_are_known_only_as_a_whole(bool isKnown, params string[] command) =>
        Assert.Equal(isKnown, EchoShell.CanRun(command));

    [Theory]
    [InlineData("250ms", 0.25)]
    [InlineData("5s", 5.0)]
    [InlineData("1.5m", 90.0)]
    [InlineData("2h", 7200.0)]
    [InlineData("3", 3.0)]
    [InlineData("never", null)]
    [InlineData("-1s", null)]
    public void Durations_are_read(string text, double? seconds) =>
        Assert.Equal(seconds, HollowAnnotations.ParseDuration(text)?.TotalSeconds);

    [Fact]
    public void Addresses_are_given_once_and_again_when_they_were_returned()
    {
        var addresses = new PodAddresses("10.1.2.0/29");

        string?[] taken = [.. Enumerable.Range(0, 6).Select(_ => addresses.Take())];
        addresses.Return("10.1.2.4");

        Assert.Equal("10.1.2.2 10.1.2.3 10.1.2.4 10.1.2.5 10.1.2.6 ", string.Join(" ", taken));
        Assert.Equal("10.1.2.4", addresses.Take());
        Assert.Throws<FormatException>(() => new PodAddresses("10.1.2.0/31"));
    }

    private static async Task<(int Code, string Output, string Errors)> RunAsync(string[] command, string input, bool isTerminal)
    {
        using var output = new MemoryStream();
        using var errors = new MemoryStream();
        var sizes = Channel.CreateUnbounded<TerminalSize>();
        sizes.Writer.TryWrite(new TerminalSize(132, 43));
        var session = new RemoteCommandSession
        {
            Options = new RemoteCommandOptions { Command = command, Stdin = true, Stdout = true, Stderr = true, Tty = isTerminal },
            Stdin = new MemoryStream(Encoding.UTF8.GetBytes(input)),
            Stdout = output,
            Stderr = errors,
            Sizes = sizes.Reader,
        };
        var shell = new EchoShell(new Dictionary<string, string> { ["X"] = "7" }, (_, _) => Task.CompletedTask);

        RemoteCommandResult result = await shell.RunAsync(session, CancellationToken.None);

        return (result.ExitCode!.Value, Encoding.UTF8.GetString(output.ToArray()), Encoding.UTF8.GetString(errors.ToArray()));
    }
}
