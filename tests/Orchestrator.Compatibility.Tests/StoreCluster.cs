using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using KvStore.Testing;

namespace Orchestrator.Compatibility.Tests;

/// <summary>An outside store: members of etcd or kvstore as processes on this machine, which can be killed and started again.</summary>
internal sealed class StoreCluster : IDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private static readonly string Etcdctl = Path.Combine(Cluster.Root, "artifacts", "etcd", "etcdctl");

    private readonly string _directory = Directory.CreateTempSubdirectory("orchestrator-store-").FullName;
    private readonly string _program;
    private readonly int[] _clientPorts;
    private readonly int[] _peerPorts;
    private readonly Process?[] _members;
    private readonly StoreCertificates? _certificates;

    private StoreCluster(string program, int members, StoreCertificates? certificates)
    {
        _program = program;
        _certificates = certificates;
        int[] ports = [.. Enumerable.Range(0, members * 2).Select(_ => FreePort.Find())];
        (_clientPorts, _peerPorts) = (ports[..members], ports[members..]);
        _members = new Process?[members];
    }

    public string Endpoints => string.Join(',', _clientPorts.Select(ClientUrl));

    public static StoreCluster StartEtcd() => Start(Path.Combine(Cluster.Root, "artifacts", "etcd", "etcd"), 1);

    /// <param name="certificates">Clients come by TLS then, and show a certificate.</param>
    public static StoreCluster StartKvStore(int members, StoreCertificates? certificates = null) =>
        Start(Path.Combine(Cluster.Root, "src", "KvStore.Server", "bin", "Release", "net10.0", "kvstore"), members, certificates);

    /// <summary>Kills the leader's process; the member can be started again with <see cref="StartMember"/>.</summary>
    /// <returns>Its number; null when no leader is known right now.</returns>
    public int? KillLeader()
    {
        (int exitCode, string output) = Control("endpoint", "status", "-w", "json");
        if (exitCode != 0)
            return null;
        foreach (var status in JsonDocument.Parse(output).RootElement.EnumerateArray())
        {
            var header = status.GetProperty("Status").GetProperty("header").GetProperty("member_id").GetUInt64();
            if (status.GetProperty("Status").GetProperty("leader").GetUInt64() != header)
                continue;
            int member = Array.IndexOf(_clientPorts, new Uri(status.GetProperty("Endpoint").GetString()!).Port);
            KillMember(member);
            return member;
        }
        return null;
    }

    public void KillMember(int member)
    {
        _members[member]!.Kill();
        _members[member]!.WaitForExit();
    }

    public void StartMember(int member)
    {
        string log = Path.Combine(_directory, $"m{member}.log");
        string cluster = string.Join(',', _peerPorts.Select((port, index) => $"m{index}=http://127.0.0.1:{port}"));
        _members[member] = Process.Start(new ProcessStartInfo("bash",
        [
            "-c", "exec \"$@\" >> \"$0\" 2>&1", log, _program, "--name", $"m{member}", "--data-dir", Path.Combine(_directory, $"m{member}"),
            "--listen-client-urls", ClientUrl(_clientPorts[member]), "--advertise-client-urls", ClientUrl(_clientPorts[member]),
            "--listen-peer-urls", $"http://127.0.0.1:{_peerPorts[member]}", "--initial-advertise-peer-urls", $"http://127.0.0.1:{_peerPorts[member]}",
            "--initial-cluster", cluster, .. _certificates?.ServerOptions ?? [],
        ]))!;
    }

    /// <summary>etcdctl with all endpoints.</summary>
    public (int ExitCode, string Output) Control(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Etcdctl, ["--endpoints", Endpoints, "--command-timeout", "5s", .. _certificates?.EtcdctlOptions ?? [], .. arguments])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["ETCDCTL_API"] = "3" },
        })!;
        var errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, process.ExitCode == 0 ? output : output + errors.Result);
    }

    public void Dispose()
    {
        foreach (var member in _members.OfType<Process>())
        {
            if (!member.HasExited)
                member.Kill();
            member.WaitForExit();
            member.Dispose();
        }
        Directory.Delete(_directory, recursive: true);
    }

    private string ClientUrl(int port) => $"{(_certificates is null ? "http" : "https")}://127.0.0.1:{port}";

    private static StoreCluster Start(string program, int members, StoreCertificates? certificates = null)
    {
        var cluster = new StoreCluster(program, members, certificates);
        try
        {
            for (int member = 0; member < members; member++)
                cluster.StartMember(member);
            var watch = Stopwatch.StartNew();
            while (cluster.Control("endpoint", "health").ExitCode != 0)
            {
                if (watch.Elapsed < StartLimit)
                    continue;
                string logs = string.Join('\n', Enumerable.Range(0, members).Select(member => File.ReadAllText(Path.Combine(cluster._directory, $"m{member}.log"))));
                throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"the store is not healthy after {StartLimit.TotalSeconds} s\n{logs}"));
            }
            return cluster;
        }
        catch
        {
            cluster.Dispose(); // Its processes would run on.
            throw;
        }
    }
}
