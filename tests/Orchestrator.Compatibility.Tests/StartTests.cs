using KvStore.Testing;

namespace Orchestrator.Compatibility.Tests;

/// <summary>The command line of the orchestrator itself, run as a user runs it.</summary>
public sealed class StartTests
{
    [Fact]
    public void A_cluster_starts_stops_comes_back_with_its_data_and_goes_without_a_trace()
    {
        using var cluster = new Cluster("life", "--hollow-nodes", "2");

        (int exitCode, string output) = cluster.Run("start", "--profile", "life", "--hollow-nodes", "2");
        Assert.True(exitCode == 0, output);
        Assert.Contains("2 nodes are Ready", output);
        (exitCode, output) = cluster.Run("status", "--profile", "life");
        Assert.Equal("life\ntype: Control Plane\nhost: Running\nkubelet: Running\napiserver: Running\nkubeconfig: Configured\nnodes: 2 of 2 Ready\n", output);
        Assert.Equal(0, exitCode);
        Assert.Equal((0, "life\n"), cluster.Shell("kubectl config current-context"));
        Assert.Equal(0, cluster.Shell("kubectl create configmap kept --from-literal=a=b").ExitCode);

        Assert.Equal(0, cluster.Run("stop", "--profile", "life").ExitCode);
        (exitCode, output) = cluster.Run("status", "--profile", "life");
        Assert.StartsWith("life\ntype: Control Plane\nhost: Stopped\nkubelet: Stopped\napiserver: Stopped\n", output);
        Assert.Equal(3, exitCode);
        Assert.Contains("was not running", cluster.Run("stop", "--profile", "life").Output);

        (exitCode, output) = cluster.Run("start", "--profile", "life");
        Assert.True(exitCode == 0, output);
        Assert.Equal((0, "b"), cluster.Shell("kubectl get configmap kept -o jsonpath='{.data.a}'"));
        (exitCode, output) = cluster.Run("start", "--profile", "life");
        Assert.Contains("is running", output);
        Assert.Equal(0, exitCode);
        Assert.Contains("ready to serve client requests", cluster.Run("logs", "--profile", "life", "-n", "1000", "store").Output);

        Assert.Equal(0, cluster.Run("delete", "--profile", "life").ExitCode);
        Assert.False(Directory.Exists(Path.Combine(cluster.Environment["ORCHESTRATOR_HOME"], "profiles", "life")));
        Assert.DoesNotContain("life", cluster.Shell("kubectl config get-contexts -o name").Output);
        Assert.Equal(85, cluster.Run("status", "--profile", "life").ExitCode);
    }

    [Fact]
    public void Two_profiles_run_side_by_side_in_one_kubeconfig()
    {
        using var first = new Cluster("one", "--hollow-nodes", "1");
        first.Start();

        (int exitCode, string output) = first.Run("start", "--profile", "two", "--hollow-nodes", "1", "--keep-context");

        Assert.True(exitCode == 0, output);
        Assert.Equal((0, "one\ntwo\n"), first.Shell("kubectl config get-contexts -o name | sort"));
        Assert.Equal((0, "one\n"), first.Shell("kubectl config current-context"));
        Assert.Equal(0, first.Shell("kubectl --context two create namespace only-here").ExitCode);
        Assert.Equal(1, first.Shell("kubectl --context one get namespace only-here").ExitCode);
        Assert.Equal(0, first.Run("delete", "--all").ExitCode);
        Assert.Equal((0, ""), first.Shell("kubectl config get-contexts -o name"));
    }

    [Fact]
    public async Task Of_two_starts_at_once_the_second_finds_the_firsts_cluster()
    {
        using var cluster = new Cluster("twice");

        var starts = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() => cluster.Run("start", "--profile", "twice", "--hollow-nodes", "1"))));

        Assert.True(starts.All(start => start.ExitCode == 0), string.Join('\n', starts));
        Assert.Single(starts, start => start.Output.Contains("is ready after", StringComparison.Ordinal));
        Assert.Single(starts, start => start.Output.Contains("is running: 1 node", StringComparison.Ordinal));
        Assert.Equal((0, "hollow\n"), cluster.Shell("kubectl get nodes -o name | sed s,node/,,"));
    }

    [Fact]
    public void A_process_that_has_the_number_of_an_earlier_server_is_let_live()
    {
        using var cluster = new Cluster("reused", "--hollow-nodes", "1");
        cluster.Start();
        Assert.Equal(0, cluster.Run("stop", "--profile", "reused").ExitCode);
        using var bystander = System.Diagnostics.Process.Start("sleep", "600");
        string file = Path.Combine(cluster.Environment["ORCHESTRATOR_HOME"], "profiles", "reused", "server.pid");
        File.WriteAllText(file, $"{bystander.Id} {File.ReadAllText(file).Split(' ')[1]}");

        string stopped = cluster.Run("stop", "--profile", "reused").Output;
        bool lives = !bystander.HasExited;
        bystander.Kill();

        Assert.Contains("was not running", stopped);
        Assert.True(lives);
    }

    [Theory]
    [InlineData("start --hollow-nodes many", 1, "--hollow-nodes: \"many\" is no whole number")]
    [InlineData("server --https-listen-port x", 1, "--https-listen-port: \"x\" is no whole number")]
    [InlineData("start --hollow-nods 1", 1, "--hollow-nods")]
    [InlineData("start --hollow-nodes -1", 1, "--hollow-nodes: -1 is not between 0 and")]
    [InlineData("start --hollow-nodes 1 --node-subnet 192.168.60.0/24", 1, "a cluster has pretended nodes or a real one")]
    [InlineData("start --node-subnet 192.168.60.0/33", 1, "\"192.168.60.0/33\" is no IPv4 network")]
    [InlineData("start --profile Not/Good --hollow-nodes 1", 1, "profile name \"Not/Good\" is not valid")]
    [InlineData("start --hollow-nodes 1 --hollow-ready-after soon", 1, "\"soon\" is no duration")]
    [InlineData("start --hollow-nodes 1 --store-endpoints nonsense", 1, "\"nonsense\" is no URL")]
    [InlineData("start --hollow-nodes 1 --store-cafile /nonexistent", 1, "/nonexistent does not exist")]
    [InlineData("stop --profile nobody", 85, "Profile \"nobody\" not found")]
    [InlineData("logs --profile nobody", 85, "Profile \"nobody\" not found")]
    [InlineData("server --disable everything", 1, "there is no part \"everything\"")]
    [InlineData("server --bind-address here", 1, "\"here\" is no IP address")]
    [InlineData("server --max-requests-inflight -1", 1, "--max-requests-inflight: -1 is less than 0")]
    [InlineData("start --hollow-nodes 1 --max-mutating-requests-inflight -5", 1, "--max-mutating-requests-inflight: -5 is less than 0")]
    [InlineData("dance", 1, "dance")]
    public void A_wrong_word_gets_one_clear_error(string arguments, int expectedExitCode, string expectedText)
    {
        using var cluster = new Cluster("unused");

        (int exitCode, string output) = cluster.Run(arguments.Split(' '));

        Assert.Contains(expectedText, output);
        Assert.DoesNotContain("Usage:", output);
        Assert.Equal(expectedExitCode, exitCode);
    }

    [Fact]
    public void A_port_in_use_is_named_and_nothing_stays_behind()
    {
        using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        int port = ((System.Net.IPEndPoint)taken.LocalEndpoint).Port;
        using var cluster = new Cluster("taken");

        (int exitCode, string output) = cluster.Run("start", "--profile", "taken", "--hollow-nodes", "1", "--https-listen-port", $"{port}");

        Assert.Equal(1, exitCode);
        Assert.Contains($"{port}", output);
        Assert.Contains("address already in use", output);
        Assert.Contains("host: Stopped", cluster.Run("status", "--profile", "taken").Output);
    }

    [Fact]
    public void A_clock_that_shows_a_time_before_the_cluster_was_made_is_named()
    {
        if (Lanes.IsFast)
            return; // libfaketime is not installed there.
        using var cluster = new Cluster("late", "--hollow-nodes", "1");
        cluster.Start();
        cluster.Run("stop", "--profile", "late");

        (int exitCode, string output) = cluster.Shell($"LD_PRELOAD=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1) FAKETIME=-400d {Cluster.Program} start --profile late");

        Assert.Equal(1, exitCode);
        Assert.Matches("^orchestrator: this machine's clock shows [-0-9: Z]+, the cluster was made later, at [-0-9: Z]+: set the clock\n$", output);
    }

    [Fact]
    public void Shells_can_complete_commands_and_options()
    {
        using var cluster = new Cluster("unused");

        Assert.Contains("start", cluster.Run("[suggest:13]", "orchestrator st").Output);
        Assert.Contains("complete -F", cluster.Run("completion", "bash").Output);
        Assert.Equal(0, cluster.Shell($"bash -n <({Cluster.Program} completion bash)").ExitCode);
    }
}
