namespace KvStore.Compatibility.Tests.Servers;

/// <summary>Where the programs are that these tests start.</summary>
internal static class Binaries
{
    private const string InstallFirst = "run tests/scripts/install-prerequisites first";

    public static string RepositoryRoot { get; } = FindRoot();

    /// <summary>Our own server, of the configuration that this test was built in.</summary>
    public static string KvStore { get; } = FindKvStore();

    /// <summary>The etcd that ours is held against.</summary>
    public static string Etcd => Unpacked("etcd");

    /// <summary>Debian's etcdctl.</summary>
    public static string Etcdctl34 => OnPath("etcdctl");

    /// <summary>The etcdctl that came with <see cref="Etcd"/>.</summary>
    public static string Etcdctl35 => Unpacked("etcdctl");

    public static string OnPath(string program)
    {
        string[] directories = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        return directories.Select(directory => Path.Combine(directory, program)).FirstOrDefault(File.Exists)
            ?? throw new FileNotFoundException($"{program} is not on PATH: {InstallFirst}");
    }

    private static string Unpacked(string program)
    {
        string path = Path.Combine(RepositoryRoot, "artifacts", "etcd", program);
        return File.Exists(path) ? path : throw new FileNotFoundException($"{path} is missing: {InstallFirst}");
    }

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "KvStore.sln")))
                return directory.FullName;
        }
        throw new DirectoryNotFoundException($"no KvStore.sln above {AppContext.BaseDirectory}");
    }

    private static string FindKvStore()
    {
        // .../bin/Release/net10.0/ of this test is the same place in the server's project.
        var framework = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        string path = Path.Combine(
            RepositoryRoot, "src", "KvStore.Server", "bin", framework.Parent!.Name, framework.Name, "kvstore");
        return File.Exists(path) ? path : throw new FileNotFoundException($"{path} is missing: build KvStore.sln first");
    }
}
