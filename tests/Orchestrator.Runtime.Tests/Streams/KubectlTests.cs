using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace Orchestrator.Runtime.Tests.Streams;

/// <summary>Sessions of real kubectls, of every version whose streams differ, through the proxy.</summary>
public sealed partial class KubectlTests : IAsyncLifetime
{
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(120));
    private StubApi _api = null!;

    public static TheoryData<string> Versions { get; } = [.. Kubectl.Versions];

    public async Task InitializeAsync()
    {
        Assert.True(Kubectl.IsInstalled, "the machine has no kubectl");
        _api = await StubApi.StartAsync();
    }

    public async Task DisposeAsync() => await _api.DisposeAsync();

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Exec_gives_output_errors_and_the_exit_code(string version)
    {
        using var kubectl = new Kubectl(version, _api.Uri);

        var failed = await kubectl.RunAsync(null, "exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 7");
        var succeeded = await kubectl.RunAsync(null, "exec", "web", "--", "hostname");

        Assert.Equal("out\n", failed.Output);
        Assert.Contains("err\n", failed.Errors);
        Assert.Contains("command terminated with exit code 7", failed.Errors);
        Assert.Equal(7, failed.ExitCode);
        Assert.Equal((0, "web\n", ""), succeeded);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Exec_passes_input_and_its_end(string version)
    {
        using var kubectl = new Kubectl(version, _api.Uri);
        string large = Kubectl.Text(1, 4_000_000);

        var small = await kubectl.RunAsync("x\n"u8.ToArray(), "exec", "-i", "web", "--", "cat");
        var much = await kubectl.RunAsync(Encoding.ASCII.GetBytes(large), "exec", "-i", "web", "--", "cat");

        Assert.Equal((0, "x\n", ""), small);
        Assert.Equal(0, much.ExitCode);
        Assert.True(much.Output == large, $"{much.Output.Length} of {large.Length} characters came back; {much.Errors}");
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Exec_ends_though_its_input_does_not(string version)
    {
        using var kubectl = new Kubectl(version, _api.Uri);
        using Process process = kubectl.Start("exec", "-i", "web", "--", "sh", "-c", "exit 5");

        try
        {
            await process.WaitForExitAsync(_limit.Token);

            Assert.Equal(5, process.ExitCode);
        }
        finally
        {
            process.Kill();
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Exec_of_an_unknown_program_says_so(string version)
    {
        using var kubectl = new Kubectl(version, _api.Uri);

        var (exitCode, _, errors) = await kubectl.RunAsync(null, "exec", "web", "--", "nonesuch");

        Assert.NotEqual(0, exitCode);
        Assert.Contains("exec: \"nonesuch\": executable file not found in $PATH", errors);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Attach_passes_input_and_output(string version)
    {
        using var kubectl = new Kubectl(version, _api.Uri);

        var (exitCode, output, _) = await kubectl.RunAsync("hello\n"u8.ToArray(), "attach", "-i", "web");

        Assert.Equal((0, "hello\n"), (exitCode, output));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Logs_are_passed_through(string version)
    {
        using var kubectl = new Kubectl(version, _api.Uri);

        var result = await kubectl.RunAsync(null, "logs", "web");

        Assert.Equal((0, "line 1\nline 2\n", ""), result);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Port_forward_carries_many_connections_at_once(string version)
    {
        await using var pod = new EchoServer();
        using var kubectl = new Kubectl(version, _api.Uri);
        using Process process = kubectl.Start("port-forward", "pod/web", $":{pod.Port}", "--address", "127.0.0.1");
        try
        {
            string? line = await process.StandardOutput.ReadLineAsync(_limit.Token);
            int port = int.Parse(LocalPort().Match(line!).Groups[1].Value);
            Task echoing = process.StandardOutput.ReadToEndAsync(_limit.Token);

            await Task.WhenAll(Enumerable.Range(0, 10).Select(i => EchoAsync(port, i, 300_000)));
            await EchoAsync(port, 99, 2_000_000);

            process.Kill();
            await echoing;
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Port_forward_to_a_port_that_nobody_listens_on_says_so(string version)
    {
        using var kubectl = new Kubectl(version, _api.Uri);
        using Process process = kubectl.Start("port-forward", "pod/web", ":1", "--address", "127.0.0.1");
        try
        {
            string? line = await process.StandardOutput.ReadLineAsync(_limit.Token);
            int port = int.Parse(LocalPort().Match(line!).Groups[1].Value);
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", port, _limit.Token);
            int read;
            try
            {
                read = await client.GetStream().ReadAsync(new byte[1], _limit.Token);
            }
            catch (IOException)
            {
                read = 0; // Reset instead of ended: kubectl does either.
            }

            Assert.Equal(0, read);
            string? error;
            do
                error = await process.StandardError.ReadLineAsync(_limit.Token);
            while (error is not null && !error.Contains("error forwarding port 1 to pod web_default, uid 1234"));
            Assert.NotNull(error);
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    private async Task EchoAsync(int port, int seed, int bytes)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", port, _limit.Token);
        NetworkStream stream = client.GetStream();
        var sent = new byte[bytes];
        new Random(seed).NextBytes(sent);
        var received = new byte[bytes];
        Task receiving = stream.ReadExactlyAsync(received, _limit.Token).AsTask();
        await stream.WriteAsync(sent, _limit.Token);
        await receiving;
        Assert.True(received.AsSpan().SequenceEqual(sent));
    }

    [GeneratedRegex("127\\.0\\.0\\.1:(\\d+)")]
    private static partial Regex LocalPort();
}
