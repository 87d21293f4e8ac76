using System.Diagnostics;

namespace KvStore.Benchmarks.Servers;

/// <summary>Finds the executables of the servers to compare.</summary>
internal static class ServerLocations
{
    /// <summary>etcd of before 3.5 is another program in nearly every respect that is measured here.</summary>
    private static readonly Version _oldestEtcd = new(3, 5);

    /// <summary>The folder that holds the solution, seen from where this program was built.</summary>
    public static string RepositoryRoot { get; } = FindRoot();

    public static ServerKind KvStore(string? given, IReadOnlyList<string> extraFlags)
    {
        string path = given ?? Path.Combine(RepositoryRoot, "src/KvStore.Server/bin/Release/net10.0/kvstore");
        if (!File.Exists(path))
            throw new BenchmarkException(
                $"{path} does not exist: build it first (dotnet build -c Release), or name another with --kvstore.");
        return new ServerKind("kvstore", path) { MemoryBudgetFlag = "--value-memory-bytes", ExtraFlags = extraFlags };
    }

    /// <summary>etcd from PATH, else from artifacts/etcd, where the script puts it when it is not there yet.</summary>
    public static ServerKind Etcd(string? given)
    {
        string unpacked = Path.Combine(RepositoryRoot, "artifacts/etcd/etcd");
        string[] candidates = given is not null ? [given] : [.. OnPath("etcd"), unpacked];
        string? found = candidates.FirstOrDefault(IsRecentEtcd);
        if (found is null && given is null)
        {
            Run(Path.Combine(RepositoryRoot, "tests/scripts/etcd-reference"), Path.GetDirectoryName(unpacked)!);
            found = unpacked;
        }
        if (found is null)
            throw new BenchmarkException($"{given} is no etcd of {_oldestEtcd} or later that runs.");
        return new ServerKind("etcd", found);
    }

    /// <summary>What the executable says about its own version; ours also names the etcd that it matches.</summary>
    public static string VersionOf(ServerKind kind) =>
        Run(kind.Executable, "--version").Split('\n').First(line => line.StartsWith(kind.Name, StringComparison.Ordinal)).Trim();

    private static IEnumerable<string> OnPath(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, name));

    private static bool IsRecentEtcd(string path)
    {
        if (!File.Exists(path))
            return false;
        string version = Run(path, "--version").Split('\n')[0].Replace("etcd Version:", "", StringComparison.Ordinal).Trim();
        return Version.TryParse(version, out var parsed) && parsed >= _oldestEtcd;
    }

    private static string Run(string executable, string argument)
    {
        using var process = Process.Start(new ProcessStartInfo(executable, [argument]) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new BenchmarkException($"'{executable} {argument}' ended with exit code {process.ExitCode}.");
    }

    private static string FindRoot()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "KvStore.sln")))
                return folder;
        }
        throw new BenchmarkException(
            "This program must lie below the repository that it measures: KvStore.sln was not found above it.");
    }
}
