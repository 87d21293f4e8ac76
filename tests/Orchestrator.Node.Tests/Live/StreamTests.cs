using System.IO.Pipelines;
using System.Text;
using System.Threading.Channels;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Streams;

namespace Orchestrator.Node.Tests.Live;

/// <summary>Exec, attach and port-forward through containerd's streaming server.</summary>
[Collection(ContainerdCollection.Name)]
public sealed class StreamTests(ContainerdFixture fixture)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [LiveFact]
    public async Task A_command_has_input_two_outputs_and_an_exit_code()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "exec");
        string id = await pod.StartAsync(LivePod.Shell("main", "sleep 1000"));
        var output = new MemoryStream();
        var error = new MemoryStream();

        RemoteCommandResult result = await containerd.Runtime.ExecAsync(
            id,
            Session(
                ["sh", "-c", "echo to-stderr >&2; cat; exit 7"],
                stdin: new MemoryStream("from stdin\n"u8.ToArray()), stdout: output, stderr: error),
            CancellationToken.None).WaitAsync(Patience);

        Assert.Equal((7, null), (result.ExitCode, result.Error));
        Assert.Equal("from stdin\n", Encoding.UTF8.GetString(output.ToArray()));
        Assert.Equal("to-stderr\n", Encoding.UTF8.GetString(error.ToArray()));
    }

    [LiveFact]
    public async Task Much_output_comes_whole_and_success_is_zero()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "exec-much");
        string id = await pod.StartAsync(LivePod.Shell("main", "sleep 1000"));
        var output = new MemoryStream();

        RemoteCommandResult result = await containerd.Runtime.ExecAsync(
            id, Session(["dd", "if=/dev/zero", "bs=64k", "count=80"], stdout: output), CancellationToken.None).WaitAsync(Patience);

        Assert.Equal(0, result.ExitCode);
        Assert.Equal(80 * 64 * 1024, output.Length);
    }

    [LiveFact]
    public async Task A_terminal_has_the_size_that_its_client_says()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "exec-tty");
        string id = await pod.StartAsync(LivePod.Shell("main", "sleep 1000"));
        Channel<TerminalSize> sizes = Channel.CreateUnbounded<TerminalSize>();
        sizes.Writer.TryWrite(new TerminalSize(123, 45));
        var output = new MemoryStream();

        RemoteCommandResult result = await containerd.Runtime.ExecAsync(
            id,
            Session(["sh", "-c", "until stty size | grep '45 123'; do sleep 0.1; done"], stdout: output, tty: true, sizes: sizes.Reader),
            CancellationToken.None).WaitAsync(Patience);

        Assert.Equal(0, result.ExitCode);
        Assert.EndsWith("45 123\r\n", Encoding.UTF8.GetString(output.ToArray())); // Before it, perhaps, that it has no size yet.
    }

    [LiveFact]
    public async Task A_command_that_is_not_there_is_a_failure_with_a_reason()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "exec-absent");
        string id = await pod.StartAsync(LivePod.Shell("main", "sleep 1000"));

        RemoteCommandResult result = await containerd.Runtime.ExecAsync(
            id, Session(["/no/such/program"], stdout: new MemoryStream()), CancellationToken.None).WaitAsync(Patience);

        Assert.Null(result.ExitCode);
        Assert.Contains("/no/such/program: no such file or directory", result.Error);
    }

    [LiveFact]
    public async Task A_client_that_goes_away_ends_its_session()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "exec-gone");
        string id = await pod.StartAsync(LivePod.Shell("main", "sleep 1000"));
        using var gone = new CancellationTokenSource();
        var output = new Pipe();

        Task<RemoteCommandResult> session = containerd.Runtime.ExecAsync(
            id, Session(["sh", "-c", "echo begun; sleep 1000"], stdout: output.Writer.AsStream()), gone.Token);
        await output.Reader.ReadAsync().AsTask().WaitAsync(Patience);
        await gone.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => session.WaitAsync(Patience));
    }

    [LiveFact]
    public async Task Whoever_is_attached_talks_to_the_containers_process()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "attach");
        string id = await pod.StartAsync(LivePod.Shell("main", "read line; echo heard $line; read line; echo heard $line", config => config with
        {
            HasStdin = true,
            ClosesStdinOnce = true,
        }));
        var input = new Pipe();
        var output = new MemoryStream();

        Task<RemoteCommandResult> session = containerd.Runtime.AttachAsync(
            id, Session([], stdin: input.Reader.AsStream(), stdout: output, stderr: new MemoryStream()), CancellationToken.None);
        await input.Writer.WriteAsync("one\ntwo\n"u8.ToArray());
        await session.WaitAsync(Patience);

        Assert.Equal("heard one\nheard two\n", Encoding.UTF8.GetString(output.ToArray()));
        Assert.Equal(0, (await pod.UntilAsync(id, container => container.State == RuntimeContainerState.Exited)).ExitCode);
        Assert.Equal("heard one\nheard two", await pod.LogAsync(id));
    }

    [LiveFact]
    public async Task A_connection_is_forwarded_to_a_port_of_the_pod()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "forward");
        string id = await pod.StartAsync(LivePod.Shell("main", "httpd -f -p 8080 -h /www"));
        await pod.ExecAsync(id, "sh", "-c", "until wget -q -O - http://127.0.0.1:8080/; do sleep 0.1; done");
        var client = new TestDuplex();

        Task forwarding = containerd.Runtime.PortForwardAsync(pod.Id, 8080, client.Served, CancellationToken.None);
        await client.WriteAsync("GET /index.html HTTP/1.0\r\n\r\n");
        string answer = await client.ReadToEndAsync().WaitAsync(Patience);
        client.End();
        await forwarding.WaitAsync(Patience);

        Assert.Matches("^HTTP/1.[01] 200 OK", answer);
        Assert.EndsWith("hello from the pod\n", answer);
    }

    [LiveFact]
    public async Task A_port_at_which_nobody_listens_is_a_failure_with_a_reason()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "forward-closed");
        var client = new TestDuplex();

        var failure = await Assert.ThrowsAsync<CriException>(() =>
            containerd.Runtime.PortForwardAsync(pod.Id, 8081, client.Served, CancellationToken.None).WaitAsync(Patience));

        Assert.Contains("connection refused", failure.Message);
    }

    private static RemoteCommandSession Session(
        IReadOnlyList<string> command, Stream? stdin = null, Stream? stdout = null, Stream? stderr = null, bool tty = false,
        ChannelReader<TerminalSize>? sizes = null)
    {
        Channel<TerminalSize> none = Channel.CreateBounded<TerminalSize>(1);
        none.Writer.Complete();
        return new RemoteCommandSession
        {
            Options = new RemoteCommandOptions
            {
                Command = command,
                Stdin = stdin is not null,
                Stdout = stdout is not null,
                Stderr = stderr is not null,
                Tty = tty,
            },
            Stdin = stdin ?? Stream.Null,
            Stdout = stdout ?? Stream.Null,
            Stderr = stderr ?? Stream.Null,
            Sizes = sizes ?? none.Reader,
        };
    }
}
