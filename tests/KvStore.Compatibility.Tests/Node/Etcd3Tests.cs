using System.Diagnostics;
using KvStore.Compatibility.Tests.Servers;
using KvStore.Testing;

namespace KvStore.Compatibility.Tests.Node;

/// <summary>The npm package etcd3, a client that has nothing in common with etcd's own, works with ours as with etcd.</summary>
public sealed class Etcd3Tests
{
    /// <summary>Ends a run that hangs.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static readonly string Folder = Path.Combine(Binaries.RepositoryRoot, "tests", "KvStore.Compatibility.Tests", "etcd3");

    [Fact]
    public async Task Puts_gets_watches_leases_and_locks_as_with_etcd()
    {
        if (Lanes.IsFast)
            return; // Starts a real etcd.
        string expected = await File.ReadAllTextAsync(Path.Combine(Folder, "expected.txt"));
        await using var servers = await ServerPair.StartAsync();

        string[] printed = await Task.WhenAll(RunAsync(servers.Etcd), RunAsync(servers.KvStore));

        Assert.Equal(expected, printed[0]);
        Assert.Equal(expected, printed[1]);
        Figures.Report($"Compatibility: {expected.Count(letter => letter == '\n')} steps of the npm client etcd3, as against etcd");
    }

    private static async Task<string> RunAsync(ServerUnderTest server)
    {
        if (!Directory.Exists(Path.Combine(Folder, "node_modules", "etcd3")))
            throw new DirectoryNotFoundException($"{Folder} has no node_modules: run tests/scripts/install-prerequisites first");
        var start = new ProcessStartInfo(Binaries.OnPath("node"), ["client.mjs", server.Endpoint])
        {
            WorkingDirectory = Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        ProgramEnvironment.Clean(start);
        using var node = Process.Start(start)!;
        try
        {
            var output = node.StandardOutput.ReadToEndAsync();
            var errors = node.StandardError.ReadToEndAsync();
            await node.WaitForExitAsync().WaitAsync(Patience);
            Assert.True(node.ExitCode == 0, $"{server.Kind}: {await output}\n{await errors}");
            return await output;
        }
        finally
        {
            if (!node.HasExited)
                node.Kill();
        }
    }
}
