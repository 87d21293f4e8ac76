using System.Diagnostics;
using System.Text.RegularExpressions;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Node.Tests.Live;

/// <summary>A cluster as <c>orchestrator start</c> makes it, on a "machine" that is a network namespace of the test's own.</summary>
internal sealed partial class StartedCluster : IAsyncDisposable
{
    private const string Prefix = "orchestrator-machine";
    private static readonly TimeSpan CommandLimit = TimeSpan.FromMinutes(3);
    private static readonly string Root = FindRoot();

    /// <summary>Where tests/scripts/kubernetes-clients puts kubectl and helm.</summary>
    public static readonly string Clients = Path.Combine(Root, "artifacts", "kubernetes");

    public static readonly string Kubectl = Path.Combine(Clients, "kubectl-1.33");

    public static readonly string Program = Path.Combine(Root, "src", "Orchestrator.Host", "bin", "Release", "net10.0", "orchestrator");

    /// <summary><c>kubectl</c> in a shell is the real one.</summary>
    private static readonly string Functions = $"kubectl() {{ {Kubectl} \"$@\"; }}";

    private static int _count;

    private readonly string _name;
    private readonly Leftovers _leftovers;

    public StartedCluster()
    {
        Leftovers.RemoveThoseOfTheDead(Prefix);
        _name = $"{Prefix}-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}";
        Folder = Path.Combine(Leftovers.Parent, _name);
        _leftovers = new Leftovers(Folder, _name);
        Directory.CreateDirectory(Folder);
        MakeNetwork();
    }

    public string Folder { get; }

    /// <summary>That of the machine.</summary>
    public NetworkNamespace Network => new("/run/netns/" + _name);

    public string Home => Path.Combine(Folder, "home");

    public string ProfileFolder => Path.Combine(Home, "profiles", "orchestrator");

    public string NodeFolder => Path.Combine(ProfileFolder, "node");

    public string NodeNamespace => "/run/netns/" + Leftovers.NameOfNode(Folder);

    public string Socket => Path.Combine(NodeFolder, "containerd.sock");

    /// <summary>The process that serves the cluster.</summary>
    public int ProcessId => int.Parse(File.ReadAllText(Path.Combine(ProfileFolder, "server.pid")).Split(' ')[0]);

    public int ContainerdId => int.Parse(File.ReadAllText(Path.Combine(NodeFolder, "containerd.pid")).Split(' ')[0]);

    /// <summary>What shims and runc keep of its containers in folders that are the machine's: sockets, and folders of notes.</summary>
    public IReadOnlyList<string> FilesOfShims()
    {
        string[] bundles = Directory.GetDirectories(Path.Combine(NodeFolder, "state", "io.containerd.runtime.v2.task", "k8s.io"));
        return
        [
            // Where a shim listens stands in one of two files, by containerd's version.
            .. bundles.SelectMany(bundle => (string[])[Path.Combine(bundle, "address"), Path.Combine(bundle, "bootstrap.json")]).Where(File.Exists)
                .Select(file => ShimSocket().Match(File.ReadAllText(file)).Value).Distinct(),
            .. bundles.Select(bundle => Path.Combine("/run/containerd/runc/k8s.io", Path.GetFileName(bundle))),
        ];
    }

    /// <summary>Ends all of its processes, containers too, with nobody left to tidy up.</summary>
    public void KillAll() => LeftoversOfNode().KillAll();

    /// <summary>Leaves the machine as it is when its power has come back: there is what a disk keeps, and nothing else.</summary>
    public void Reboot()
    {
        List<string> inMemory = [.. FilesOfShims()];
        Assert.Empty(LeftoversOfNode().LosePower());
        Assert.Empty(_leftovers.LosePower());
        foreach (string path in inMemory.Where(Path.Exists))
            Run("rm", ["-r", path]);
        MakeNetwork();
    }

    public string Orchestrator(params string[] arguments)
    {
        var (code, output) = TryOrchestrator(arguments);
        Assert.True(code == 0, $"orchestrator {string.Join(' ', arguments)} ended with {code}:\n{output}\n{Logs()}");
        return output;
    }

    public (int Code, string Output) TryOrchestrator(params string[] arguments) =>
        Try("nsenter", ["--net=/run/netns/" + _name, Program, .. arguments, .. Allowances(arguments)]);

    /// <summary>As a user who is not root. The program's own folder may be out of his reach, so he has a copy.</summary>
    /// <remarks>Not by a mount namespace: that holds whatever is mounted on the machine, also disks that others' tests take away.</remarks>
    public (int Code, string Output) TryOrchestratorAsNobody(string home, params string[] arguments)
    {
        string folder = Path.Combine(Folder, "program");
        if (!Directory.Exists(folder))
            Run("cp", ["-r", Path.GetDirectoryName(Program)!, folder]);
        return Try("nsenter",
        [
            "--net=/run/netns/" + _name, "env", "ORCHESTRATOR_HOME=" + home, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
            Path.Combine(folder, "orchestrator"), .. arguments,
        ]);
    }

    /// <summary>Whoever runs the tests may have a disk that is rather full, and a machine that is busy.</summary>
    public static IEnumerable<string> Allowances(string[] arguments)
    {
        if (arguments is ["start" or "agent", ..] && !arguments.Contains("--hollow-nodes") && !arguments.Contains("--eviction-hard"))
            foreach (string word in (string[])["--eviction-hard", "memory.available<100Mi"])
                yield return word;
        if (arguments is ["start", ..] && !arguments.Contains("--wait"))
            foreach (string word in (string[])["--wait", "3m"])
                yield return word;
    }

    /// <summary>A command line for the shell, as on the machine; <c>kubectl</c> is the real one.</summary>
    public string Shell(string command)
    {
        var (code, output) = TryShell(command);
        Assert.True(code == 0, $"{command} ended with {code}:\n{output}");
        return output;
    }

    public (int Code, string Output) TryShell(string command) =>
        Try("nsenter", ["--net=/run/netns/" + _name, "bash", "-c", $"exec 2>&1; {Functions}; {command}"]);

    /// <summary>A command line that goes on beside the test; whoever asked for it ends it.</summary>
    public Process Background(string command) => Process.Start(OnMachine("nsenter", ["--net=/run/netns/" + _name, "bash", "-c", $"{Functions}; {command}"]))!;

    public async Task<string> UntilAsync(string command, Func<string, bool> holds, string what)
    {
        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            string output = TryShell(command).Output;
            if (holds(output))
                return output;
            Assert.True(Stopwatch.GetElapsedTime(began) < CommandLimit, $"never: {what}; {command} says:\n{output}\n{Logs()}");
            await Task.Delay(50);
        }
    }

    /// <summary>What the machine has of the cluster beside files: links and rules of its network, mounts, namespaces, cgroups, processes.</summary>
    public IReadOnlyList<string> Left()
    {
        List<string> left = [.. _leftovers.Find()];
        left.Remove($"network namespace {_name}"); // The machine itself.
        left.AddRange(Shell("nft list tables; ip -o link | grep -v ' lo:' || true").Split('\n', StringSplitOptions.RemoveEmptyEntries));
        left.AddRange(Directory.GetFiles("/run/netns", "orchestrator-orchestrator-*").Where(IsOfThis));
        left.AddRange(Directory.GetDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup").SelectMany(root => Directory.GetDirectories(root, "orchestrator-orchestrator-*")).Where(IsOfThis));
        return left;
    }

    public async ValueTask DisposeAsync()
    {
        TryOrchestrator("delete");
        IReadOnlyList<string> left = _leftovers.Remove();
        await Task.CompletedTask;
        Assert.True(left.Count == 0, $"left on the machine: {string.Join("; ", left)}");
    }

    private bool IsOfThis(string path) => Path.GetFileName(path) == Leftovers.NameOfNode(Folder);

    /// <summary>Its namespace and cgroups have a name of their own.</summary>
    private Leftovers LeftoversOfNode() => new(Folder, Leftovers.NameOfNode(Folder));

    private void MakeNetwork()
    {
        Run("ip", ["netns", "add", _name]);
        Run("ip", ["-n", _name, "link", "set", "lo", "up"]);
    }

    private string Logs() => string.Join('\n', Directory.Exists(Path.Combine(Folder, "home"))
        ? Directory.GetFiles(Path.Combine(Folder, "home"), "*.log", SearchOption.AllDirectories)
            .Where(file => Path.GetFileName(file) is "kubelet.log" or "containerd.log" or "server.log")
            .SelectMany(file => File.ReadLines(file).TakeLast(5).Prepend(Path.GetFileName(file) + ":"))
        : []);

    private static void Run(string program, string[] arguments) => KvStore.Testing.Linux.Tools.Run(program, arguments);

    private (int Code, string Output) Try(string program, string[] arguments)
    {
        var start = OnMachine(program, arguments);
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(CommandLimit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} did not end within {CommandLimit.TotalSeconds} s");
        }
        return (process.ExitCode, output.Result + errors.Result);
    }

    private ProcessStartInfo OnMachine(string program, string[] arguments) => new(program, arguments)
    {
        WorkingDirectory = Folder,
        Environment =
        {
            ["ORCHESTRATOR_HOME"] = Path.Combine(Folder, "home"),
            ["KUBECONFIG"] = Path.Combine(Folder, "kubeconfig"),
            ["HOME"] = Folder,
        },
    };

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "KvStore.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("KvStore.sln was not found above the test's folder");
    }

    [GeneratedRegex("/run/containerd/s/[0-9a-f]{64}")]
    private static partial Regex ShimSocket();
}
