namespace KvStore.Client.Tests.Servers;

/// <summary>Where the programs are that these tests start.</summary>
internal static class Binaries
{
    /// <summary>Our own server, of the configuration that this test was built in.</summary>
    public static string KvStore
    {
        get
        {
            // .../bin/Release/net10.0/ of this test is the same place in the server's project.
            var framework = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
            return Existing(
                "build KvStore.sln", "src", "KvStore.Server", "bin", framework.Parent!.Name, framework.Name, "kvstore");
        }
    }

    public static string Etcd => Existing("run tests/scripts/install-prerequisites", "artifacts", "etcd", "etcd");

    private static string Existing(string remedy, params string[] path)
    {
        string file = Path.Combine([FindRoot(), .. path]);
        return File.Exists(file) ? file : throw new FileNotFoundException($"{file} is missing: {remedy} first");
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
}
