using System.Diagnostics;
using KvStore.Testing.Containers;
using KvStore.Testing.Linux;

namespace Orchestrator.Node.Tests.Live;

/// <summary>Two "machines" that are network namespaces of the test's own, on one link that is a bridge in a third: gone at the end, whatever happens.</summary>
/// <remarks>
/// <code>
/// [first] 10.99.0.11 -- bridge [link] -- 10.99.0.12 [second]
/// </code>
/// </remarks>
internal sealed class TwoMachines : IAsyncDisposable
{
    public const string FirstAddress = "10.99.0.11";
    public const string SecondAddress = "10.99.0.12";

    private const string Prefix = "orchestrator-pair";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private static int _count;

    private readonly string _name;
    private readonly Leftovers _leftovers;
    private readonly List<string> _namespaces = [];
    private readonly List<Process> _agents = [];

    public TwoMachines()
    {
        RemoveThoseOfTheDead();
        _name = $"{Prefix}-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}";
        Folder = Path.Combine(Leftovers.Parent, _name);
        _leftovers = new Leftovers(Folder, _name);
        Directory.CreateDirectory(Folder);
        Add("link");
        Ip("link", "link add bridge type bridge");
        Ip("link", "link set bridge up");
        Join("first", FirstAddress);
        Join("second", SecondAddress);
    }

    public string Folder { get; }

    public string AgentLog => File.Exists(AgentLogFile) ? File.ReadAllText(AgentLogFile) : "";

    private string AgentLogFile => Path.Combine(Folder, "agent.log");

    public string Orchestrator(string machine, params string[] arguments)
    {
        var (code, output) = TryOrchestrator(machine, arguments);
        Assert.True(code == 0, $"orchestrator {string.Join(' ', arguments)} on {machine} ended with {code}:\n{output}\n{Logs()}");
        return output;
    }

    public (int Code, string Output) TryOrchestrator(string machine, params string[] arguments) => Run(machine, StartedCluster.Program, [.. arguments, .. StartedCluster.Allowances(arguments)]);

    /// <summary>The agent of the second machine, in the background.</summary>
    public Process StartAgent(params string[] arguments)
    {
        var start = Command("second", "/bin/sh", ["-c", "exec \"$@\" >> \"$0\" 2>&1", AgentLogFile, StartedCluster.Program, "agent", .. arguments, .. StartedCluster.Allowances(["agent"])]);
        var agent = Process.Start(start)!;
        _agents.Add(agent);
        return agent;
    }

    public void ImportBusybox(string machine)
    {
        string archive = Path.Combine(Folder, "busybox.tar");
        if (!File.Exists(archive))
            File.WriteAllBytes(archive, BusyboxImage.ToArchive());
        Orchestrator(machine, "image", "import", archive);
    }

    /// <summary>A command line for the first machine's shell; <c>kubectl</c> is the real one.</summary>
    public string Shell(string command)
    {
        var (code, output) = TryShell(command);
        Assert.True(code == 0, $"{command} ended with {code}:\n{output}\n{Logs()}");
        return output;
    }

    public (int Code, string Output) TryShell(string command) =>
        Run("first", "bash", ["-c", $"exec 2>&1; kubectl() {{ {StartedCluster.Kubectl} \"$@\"; }}; {command}"]);

    public async Task<string> UntilAsync(string command, Func<string, bool> holds, string what)
    {
        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            string output = TryShell(command).Output;
            if (holds(output))
                return output;
            Assert.True(Stopwatch.GetElapsedTime(began) < Limit, $"never: {what}; {command} says:\n{output}\n{Logs()}");
            await Task.Delay(100);
        }
    }

    /// <summary>The first machine's process for the cluster; its pods run on.</summary>
    public void KillServer()
    {
        string file = Path.Combine(Folder, "first", "profiles", "orchestrator", "server.pid");
        using var server = Process.GetProcessById(int.Parse(File.ReadAllText(file).Split(' ')[0]));
        server.Kill();
        server.WaitForExit();
    }

    /// <summary>The machine's power is cut, as far as a process can tell: all that its node runs is killed at once.</summary>
    public void KillSecond()
    {
        foreach (var agent in _agents.Where(agent => !agent.HasExited))
            agent.Kill();
        string home = Path.Combine(Folder, "second") + "/";
        foreach (int id in Processes().Where(id => CommandLine(id).Contains(home, StringComparison.Ordinal)).Concat(OfCgroups()).ToList())
            Tools.Run("/bin/sh", "-c", $"kill -9 {id} 2> /dev/null || true");
    }

    /// <summary>What a machine has beside its link to the other: tables of rules, routes, bridges.</summary>
    public IReadOnlyList<string> Left(string machine) =>
    [
        .. Run(machine, "bash", ["-c", "nft list tables; ip -o link | grep -v ' lo:\\| eth0@'; ip route | grep -v 'scope link src 10.99'; iptables-save -t nat 2> /dev/null | grep CNI-DN; true"]).Output
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            // What "iptables" looks at it makes: empty tables of its own.
            .Where(line => line is not ("table ip filter" or "table ip nat") && !line.StartsWith('#')),
    ];

    public async ValueTask DisposeAsync()
    {
        foreach (var agent in _agents)
        {
            if (!agent.HasExited)
                agent.Kill();
            await agent.WaitForExitAsync();
            agent.Dispose();
        }
        TryOrchestrator("second", "delete");
        TryOrchestrator("first", "delete");
        var left = _leftovers.Remove();
        foreach (string name in _namespaces)
            Tools.Run("ip", "netns", "del", name);
        Assert.True(left.Count == 0, $"left on the machine: {string.Join("; ", left)}");
    }

    private static ProcessStartInfo Redirected(ProcessStartInfo start)
    {
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        return start;
    }

    private ProcessStartInfo Command(string machine, string program, string[] arguments) =>
        new("nsenter", [$"--net=/run/netns/{_name}-{machine}", program, .. arguments])
        {
            WorkingDirectory = Folder,
            Environment =
            {
                ["ORCHESTRATOR_HOME"] = Path.Combine(Folder, machine),
                ["KUBECONFIG"] = Path.Combine(Folder, "kubeconfig"),
                ["HOME"] = Folder,
            },
        };

    private (int Code, string Output) Run(string machine, string program, string[] arguments)
    {
        using var process = Process.Start(Redirected(Command(machine, program, arguments)))!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Limit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} did not end within {Limit.TotalSeconds} s");
        }
        return (process.ExitCode, output.Result + errors.Result);
    }

    private void Add(string name)
    {
        Tools.Run("ip", "netns", "add", $"{_name}-{name}");
        _namespaces.Add($"{_name}-{name}");
        Ip(name, "link set lo up");
    }

    private void Join(string name, string address)
    {
        Add(name);
        Ip("link", $"link add {name} type veth peer name eth0 netns {_name}-{name}");
        Ip("link", $"link set {name} master bridge");
        Ip("link", $"link set {name} up");
        Ip(name, $"addr add {address}/24 dev eth0");
        Ip(name, "link set eth0 up");
    }

    private void Ip(string name, string arguments) => Tools.Run("ip", ["-n", $"{_name}-{name}", .. arguments.Split(' ')]);

    private IEnumerable<int> OfCgroups() => Directory.EnumerateDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup")
        .Select(root => Path.Combine(root, CgroupOfSecond)).Where(Directory.Exists)
        .SelectMany(cgroup => Directory.EnumerateFiles(cgroup, "cgroup.procs", SearchOption.AllDirectories))
        .SelectMany(file => File.ReadAllLines(file)).Select(int.Parse).Distinct();

    private string CgroupOfSecond => global::Orchestrator.Host.Machine.NodePlace.Of(Path.Combine(Folder, "second", "profiles", "orchestrator"), "orchestrator").Name;

    private static IEnumerable<int> Processes() => Directory.EnumerateDirectories("/proc").Select(path => Path.GetFileName(path))
        .Where(text => int.TryParse(text, out int id) && id != Environment.ProcessId).Select(int.Parse);

    private static string CommandLine(int id)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/cmdline");
        }
        catch (IOException)
        {
            return ""; // Gone meanwhile.
        }
    }

    private string Logs() => string.Join('\n', Directory.GetFiles(Folder, "*.log", SearchOption.AllDirectories)
        .Where(file => Path.GetFileName(file) is "kubelet.log" or "containerd.log" or "server.log" or "agent.log" or "controller-manager.log")
        .SelectMany(file => File.ReadLines(file).TakeLast(8).Prepend(Path.GetFileName(file) + ":")));

    private static void RemoveThoseOfTheDead()
    {
        Leftovers.RemoveThoseOfTheDead(Prefix);
        if (!Directory.Exists("/run/netns"))
            return;
        foreach (string name in Directory.EnumerateFiles("/run/netns", Prefix + "-*").Select(file => Path.GetFileName(file)))
        {
            if (int.TryParse(name.Split('-')[2], out int owner) && !Directory.Exists($"/proc/{owner}"))
                Tools.Run("ip", "netns", "del", name);
        }
    }
}
