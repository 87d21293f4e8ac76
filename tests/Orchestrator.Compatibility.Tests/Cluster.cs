using System.Diagnostics;

namespace Orchestrator.Compatibility.Tests;

/// <summary>A cluster as a user starts it: <c>orchestrator start</c>, with a home and a kubeconfig of its own.</summary>
public sealed class Cluster : IDisposable
{
    private static readonly TimeSpan CommandLimit = TimeSpan.FromMinutes(3);

    public static readonly string Root = FindRoot();

    public static readonly string Program = Path.Combine(Root, "src", "Orchestrator.Host", "bin", "Release", "net10.0", "orchestrator");

    /// <summary>Where tests/scripts/kubernetes-clients puts kubectl and helm.</summary>
    public static readonly string Clients = Path.Combine(Root, "artifacts", "kubernetes");

    private readonly Lazy<string> _defaultClients;

    public Cluster(string profile, params string[] startOptions)
    {
        Profile = profile;
        Directory = System.IO.Directory.CreateTempSubdirectory("orchestrator-test-").FullName;
        Environment = new Dictionary<string, string>
        {
            ["ORCHESTRATOR_HOME"] = Path.Combine(Directory, "home"),
            ["KUBECONFIG"] = Path.Combine(Directory, "kubeconfig"),
            ["HOME"] = Directory,
        };
        _defaultClients = new Lazy<string>(DefaultClients);
        StartOptions = startOptions;
    }

    public string Profile { get; }

    public string Directory { get; }

    public Dictionary<string, string> Environment { get; }

    public string[] StartOptions { get; }

    public string Kubeconfig => Environment["KUBECONFIG"];

    public void Start()
    {
        (int exitCode, string output) = Run([.. (string[])["start", "--profile", Profile], .. StartOptions]);
        if (exitCode != 0)
            throw new InvalidOperationException($"orchestrator start ended with {exitCode}:\n{output}\n{Run("logs", "--profile", Profile).Output}");
    }

    public (int ExitCode, string Output) Run(params ReadOnlySpan<string> arguments) => Execute(Program, arguments);

    /// <summary>A command line for bash, with the cluster's kubeconfig.</summary>
    public (int ExitCode, string Output) Shell(string command) => Execute("bash", ["-c", "exec 2>&1\n" + command]);

    /// <summary>Deletes the cluster, with its processes and data.</summary>
    public void Dispose()
    {
        Run("delete", "--profile", Profile);
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private (int ExitCode, string Output) Execute(string file, ReadOnlySpan<string> arguments)
    {
        using var process = new Process();
        process.StartInfo = new ProcessStartInfo(file, arguments.ToArray())
        {
            WorkingDirectory = Directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach ((string name, string value) in Environment)
            process.StartInfo.Environment[name] = value;
        // kubectl without a version is the one of the version that the cluster says it is.
        process.StartInfo.Environment["PATH"] = $"{_defaultClients.Value}:{System.Environment.GetEnvironmentVariable("PATH")}";
        process.Start();
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(CommandLimit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{file} {string.Join(' ', arguments.ToArray())} did not end within {CommandLimit.TotalSeconds} s");
        }
        return (process.ExitCode, output.Result + errors.Result);
    }

    private string DefaultClients()
    {
        string folder = Path.Combine(Directory, "bin");
        System.IO.Directory.CreateDirectory(folder);
        string kubectl = Path.Combine(Clients, "kubectl-1.33");
        File.CreateSymbolicLink(Path.Combine(folder, "kubectl"), File.Exists(kubectl) ? kubectl : Path.Combine(Clients, "kubectl-1.32"));
        return folder;
    }

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "KvStore.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("KvStore.sln was not found above the test's folder");
    }
}
