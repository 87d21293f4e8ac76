using System.Diagnostics;
using KvStore.Testing.Containers;
using KvStore.Testing.Linux;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Cri.Grpc;
using Orchestrator.Runtime.Kubelet.Images;

namespace Orchestrator.Node.Tests.Live;

/// <summary>A containerd of the test's own: folder, socket, network namespace and cgroups, all gone at the end.</summary>
/// <remarks>
/// Pods get addresses of a bridge within the namespace; nothing of it reaches the machine's own network. It is the containerd
/// that PATH names first: unpacked ones, 1.7 and 2.x, are tried by putting them in front.
/// </remarks>
public sealed class RealContainerd : IAsyncDisposable
{
    public const string Busybox = BusyboxImage.Name;

    private const string Prefix = "orchestrator-node";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static int _count;

    private readonly Leftovers _leftovers;
    private Process? _process;

    private RealContainerd()
    {
        Leftovers.RemoveThoseOfTheDead(Prefix);
        Name = $"{Prefix}-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}";
        Folder = Path.Combine(Leftovers.Parent, Name);
        _leftovers = new Leftovers(Folder, Name);
        Network = new NetworkNamespace("/run/netns/" + Name);
        Connection = new CriConnection(new CriOptions { Socket = Socket, StreamingNetwork = Network, RelistInterval = TimeSpan.FromMilliseconds(500) });
        Runtime = new CriContainerRuntime(Connection);
        Images = new CriImageService(Connection);
        Importer = new ImageImporter(Connection.Options);
    }

    /// <summary>The program that PATH names first.</summary>
    public static string Program { get; } = Tools.Run("sh", "-c", "command -v containerd").Trim();

    /// <summary>Of the folder, the namespace and the cgroup.</summary>
    public string Name { get; }

    public string Folder { get; }

    public string Socket => Path.Combine(Folder, "containerd.sock");

    public string CertificatesFolder => Path.Combine(Folder, "certs.d");

    public NetworkNamespace Network { get; }

    public CriConnection Connection { get; }

    public CriContainerRuntime Runtime { get; }

    public CriImageService Images { get; }

    public ImageImporter Importer { get; }

    public static async Task<RealContainerd> StartAsync()
    {
        if (Requirements.Missing() is { } missing)
            throw new InvalidOperationException(missing);
        var containerd = new RealContainerd();
        try
        {
            containerd.MakeSurroundings();
            await containerd.RunAsync();
            await containerd.ImportAsync(PauseImage.ToArchive());
            await containerd.ImportAsync(BusyboxImage.ToArchive());
            return containerd;
        }
        catch
        {
            await containerd.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the process and waits until it answers.</summary>
    public async Task RunAsync()
    {
        // Not by "ip netns exec": that hides the cgroups.
        _process = Process.Start(new ProcessStartInfo("nsenter",
            ["--net=/run/netns/" + Name, "containerd", "-c", Path.Combine(Folder, "config.toml"), "-l", "info"])
        {
            RedirectStandardError = true,
        })!;
        _ = SaveAsync(_process.StandardError);
        long began = Stopwatch.GetTimestamp();
        while (!(await Runtime.StatusAsync(CancellationToken.None)).IsNetworkReady)
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience && !_process.HasExited, $"containerd is not ready:\n{Log()}");
            await Task.Delay(50);
        }
    }

    /// <summary>Ends the process as a crash would: no word to anybody.</summary>
    public async Task KillAsync()
    {
        _process!.Kill(); // nsenter has become containerd.
        await _process.WaitForExitAsync();
    }

    public string Log() => File.Exists(LogFile) ? string.Join('\n', File.ReadLines(LogFile).TakeLast(40)) : "";

    /// <summary>Puts an archive's images into the runtime's store.</summary>
    public async Task<IReadOnlyList<ImportedImage>> ImportAsync(byte[] archive)
    {
        string file = Path.Combine(Folder, $"import-{Guid.NewGuid():N}.tar");
        await File.WriteAllBytesAsync(file, archive);
        try
        {
            return await Importer.ImportAsync(file, CancellationToken.None);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>A sandbox's configuration with all paths within the folder.</summary>
    public PodSandboxConfig NewSandbox(string name)
    {
        string uid = Guid.NewGuid().ToString();
        return new PodSandboxConfig(
            name, "default", uid, 0, name, false, new Dictionary<string, string>(), new Dictionary<string, string>())
        {
            LogDirectory = Path.Combine(Folder, "logs", $"default_{name}_{uid}"),
            CgroupParent = $"/{Name}/pod{uid}",
            Dns = new DnsConfig(["10.96.0.10"], ["default.svc.cluster.local", "cluster.local"], ["ndots:5"]),
        };
    }

    /// <summary>Ends all and fails when something of it cannot be removed.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            await RemoveSandboxesAsync();
            NativeCalls.SendTerminate(_process.Id);
            await _process.WaitForExitAsync();
        }
        _process?.Dispose();
        Connection.Dispose();
        Importer.Dispose();
        IReadOnlyList<string> left = _leftovers.Remove();
        Assert.True(left.Count == 0, $"left on the machine: {string.Join("; ", left)}");
    }

    private string LogFile => Path.Combine(Folder, "containerd.log");

    private async Task RemoveSandboxesAsync()
    {
        try
        {
            foreach (PodSandbox sandbox in await Runtime.ListPodSandboxAsync(null, CancellationToken.None))
            {
                await Runtime.StopPodSandboxAsync(sandbox.Id, CancellationToken.None);
                await Runtime.RemovePodSandboxAsync(sandbox.Id, CancellationToken.None);
            }
        }
        catch (CriException)
        {
            // What it cannot remove itself, Leftovers does.
        }
    }

    private async Task SaveAsync(StreamReader output)
    {
        await using var file = new StreamWriter(new FileStream(LogFile, FileMode.Append, FileAccess.Write, FileShare.ReadWrite));
        while (await output.ReadLineAsync() is { } line)
        {
            await file.WriteLineAsync(line);
            await file.FlushAsync();
        }
    }

    private void MakeSurroundings()
    {
        Directory.CreateDirectory(Path.Combine(Folder, "cni"));
        Tools.Run("ip", "netns", "add", Name);
        Tools.Run("ip", "-n", Name, "link", "set", "lo", "up");
        File.WriteAllText(Path.Combine(Folder, "cni", "10-test.conflist"), $$"""
            {
              "cniVersion": "0.4.0",
              "name": "test",
              "plugins": [
                {
                  "type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
                  "ipam": {
                    "type": "host-local", "dataDir": "{{Folder}}/ipam",
                    "ranges": [[{ "subnet": "10.88.0.0/24" }]], "routes": [{ "dst": "0.0.0.0/0" }]
                  }
                },
                { "type": "portmap", "capabilities": { "portMappings": true } }
              ]
            }
            """);
        string version = Tools.Run("containerd", "--version").Split(' ')[2].TrimStart('v');
        File.WriteAllText(Path.Combine(Folder, "config.toml"), version.StartsWith("1.", StringComparison.Ordinal) ? Configuration() : NewConfiguration());
    }

    private string Configuration() => $"""
            version = 2
            root = "{Folder}/root"
            state = "{Folder}/state"
            [grpc]
              address = "{Socket}"
            [plugins."io.containerd.internal.v1.opt"]
              path = "{Folder}/opt"
            [plugins."io.containerd.grpc.v1.cri"]
              sandbox_image = "{PauseImage.Name}"
              disable_apparmor = true
              restrict_oom_score_adj = true
              netns_mounts_under_state_dir = true
              [plugins."io.containerd.grpc.v1.cri".containerd]
                snapshotter = "overlayfs"
                [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
                  runtime_type = "io.containerd.runc.v2"
                  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
                    SystemdCgroup = false
              [plugins."io.containerd.grpc.v1.cri".cni]
                bin_dir = "/usr/lib/cni"
                conf_dir = "{Folder}/cni"
              [plugins."io.containerd.grpc.v1.cri".registry]
                config_path = "{CertificatesFolder}"
            """;

    /// <summary>Since containerd 2.0 images and containers are two plugins.</summary>
    private string NewConfiguration() => $"""
            version = 3
            root = "{Folder}/root"
            state = "{Folder}/state"
            [grpc]
              address = "{Socket}"
            [plugins."io.containerd.internal.v1.opt"]
              path = "{Folder}/opt"
            [plugins."io.containerd.cri.v1.images"]
              snapshotter = "overlayfs"
              [plugins."io.containerd.cri.v1.images".pinned_images]
                sandbox = "{PauseImage.Name}"
              [plugins."io.containerd.cri.v1.images".registry]
                config_path = "{CertificatesFolder}"
            [plugins."io.containerd.cri.v1.runtime"]
              disable_apparmor = true
              restrict_oom_score_adj = true
              netns_mounts_under_state_dir = true
              [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
                runtime_type = "io.containerd.runc.v2"
                [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
                  SystemdCgroup = false
              [plugins."io.containerd.cri.v1.runtime".cni]
                bin_dirs = ["/usr/lib/cni"]
                conf_dir = "{Folder}/cni"
            """;
}
