using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;

namespace Orchestrator.Benchmark;

/// <summary>A cluster started by the command that users give, with a home of its own, and HTTPS clients to it.</summary>
internal sealed class BenchmarkCluster : IDisposable
{
    public const string Profile = "bench";

    private static readonly string Program = Path.Combine(Root(), "src", "Orchestrator.Host", "bin", "Release", "net10.0", "orchestrator");
    private static readonly string Store = Path.Combine(Root(), "src", "KvStore.Server", "bin", "Release", "net10.0", "kvstore");
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(5);

    private readonly string _directory = Directory.CreateTempSubdirectory("orchestrator-bench-").FullName;

    private readonly List<(string Name, Process Process)> _parts = [];

    public string ProfileDirectory => Path.Combine(_directory, "profiles", Profile);

    /// <summary>The processes that are measured: one for all, or one for each part.</summary>
    private IEnumerable<(string Name, int Id)> Processes => _parts.Count > 0
        ? _parts.Select(part => (part.Name, part.Process.Id))
        : [("cluster", int.Parse(File.ReadAllText(Path.Combine(ProfileDirectory, "server.pid")).Split(' ')[0], CultureInfo.InvariantCulture))];

    public Uri Address { get; private set; } = null!;

    /// <returns>The time that the command took.</returns>
    public TimeSpan Start(params string[] options)
    {
        var watch = Stopwatch.StartNew();
        Run(["start", "--profile", Profile, "--wait", "5m", .. options]);
        var took = watch.Elapsed;
        using var settings = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(ProfileDirectory, "settings.json")));
        // A node of real containers is the second address of its network.
        string host = settings.RootElement.GetProperty("nodeSubnet").GetString() is { } subnet ? subnet.Split(".0/")[0] + ".2" : "127.0.0.1";
        Address = new Uri($"https://{host}:{settings.RootElement.GetProperty("apiPort").GetInt32()}");
        return took;
    }

    /// <summary>A file of the node of real containers.</summary>
    public string NodeFile(string name) => Path.Combine(ProfileDirectory, "node", name);

    /// <summary>Ends the cluster's process as a crash would; containers run on.</summary>
    public void Kill()
    {
        using var process = Process.GetProcessById(Processes.Single().Id);
        process.Kill();
        process.WaitForExit();
    }

    /// <summary>Starts store, API server, controllers, scheduler and nodes as processes of their own.</summary>
    /// <returns>The time until the nodes are Ready.</returns>
    public async Task<TimeSpan> StartPartsAsync(int nodes)
    {
        var watch = Stopwatch.StartNew();
        var (store, peer) = (FreePort(), FreePort());
        Address = new Uri($"https://127.0.0.1:{FreePort()}");
        string certificates = Path.Combine(ProfileDirectory, "tls");
        StartPart("store", Store, "--data-dir", Path.Combine(_directory, "store"), "--listen-client-urls", $"http://127.0.0.1:{store}",
            "--advertise-client-urls", $"http://127.0.0.1:{store}", "--listen-peer-urls", $"http://127.0.0.1:{peer}",
            "--initial-advertise-peer-urls", $"http://127.0.0.1:{peer}", "--initial-cluster", $"default=http://127.0.0.1:{peer}");
        StartServer("API server", certificates, "--store-endpoints", $"http://127.0.0.1:{store}", "--https-listen-port",
            Address.Port.ToString(CultureInfo.InvariantCulture), "--disable", "controller-manager,scheduler");
        await WaitAsync("the API server", certificates, client => client.GetAsync("/readyz"), _ => true);
        string server = Address.AbsoluteUri;
        StartServer("controllers", certificates, "--server", server, "--disable", "scheduler");
        StartServer("scheduler", certificates, "--server", server, "--disable", "controller-manager");
        StartServer("nodes", certificates, "--server", server, "--disable", "controller-manager,scheduler",
            "--hollow-nodes", nodes.ToString(CultureInfo.InvariantCulture));
        await WaitAsync("the nodes", certificates, client => client.GetAsync("/api/v1/nodes"),
            answer => answer.Split("\"reason\":\"KubeletReady\"").Length > nodes);
        return watch.Elapsed;
    }

    public void Stop() => Run("stop", "--profile", Profile);

    /// <summary>As admin, with connections of its own.</summary>
    public HttpClient Connect(bool oneConnection = false)
    {
        string tls = Path.Combine(ProfileDirectory, "tls");
        var authority = X509CertificateLoader.LoadCertificateFromFile(Path.Combine(tls, "server-ca.crt"));
        var handler = new SocketsHttpHandler
        {
            EnableMultipleHttp2Connections = !oneConnection,
            SslOptions = new SslClientAuthenticationOptions
            {
                ClientCertificates = [X509Certificate2.CreateFromPemFile(Path.Combine(tls, "admin.crt"), Path.Combine(tls, "admin.key"))],
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { authority }, RevocationMode = X509RevocationMode.NoCheck,
                },
            },
        };
        return new HttpClient(handler)
        {
            BaseAddress = Address,
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = TimeSpan.FromMinutes(10),
            DefaultRequestHeaders = { Accept = { new MediaTypeWithQualityHeaderValue("application/json") } },
        };
    }

    public static async Task SendAsync(HttpClient client, HttpMethod method, string path, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var request = new HttpRequestMessage(method, path) { Content = content, Version = HttpVersion.Version20 };
        using var response = await client.SendAsync(request);
        if (!response.IsSuccessStatusCode)
            throw new InvalidOperationException($"{method} {path}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
        await response.Content.CopyToAsync(Stream.Null);
    }

    /// <summary>Whether its one process is there.</summary>
    public bool IsRunning => Directory.Exists($"/proc/{Processes.Single().Id}");

    /// <summary>Resident memory of all processes, in MiB.</summary>
    public long MemoryMiB() => Processes.Sum(part => MemoryMiB(part.Id));

    /// <summary>The memory, and where it is if the parts are apart.</summary>
    public string Memory() => _parts.Count == 0
        ? $"memory {MemoryMiB()} MiB"
        : $"memory {MemoryMiB()} MiB ({string.Join(", ", Processes.Select(part => $"{part.Name} {MemoryMiB(part.Id)}"))})";

    /// <summary>Processor time used so far.</summary>
    public TimeSpan ProcessorTime() => Processes.Aggregate(TimeSpan.Zero, (sum, part) =>
    {
        using var process = Process.GetProcessById(part.Id);
        return sum + process.TotalProcessorTime;
    });

    public void Dispose()
    {
        foreach (var (_, process) in Enumerable.Reverse(_parts))
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }
        if (_parts.Count == 0)
            Run("delete", "--profile", Profile);
        Directory.Delete(_directory, recursive: true);
    }

    private static long MemoryMiB(int processId)
    {
        string line = File.ReadLines($"/proc/{processId}/status").First(text => text.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private void StartServer(string name, string certificates, params string[] options) => StartPart(name, Program,
        ["server", "--data-dir", Path.Combine(_directory, name), "--cert-dir", certificates, "--log-dir", Path.Combine(_directory, name, "logs"), .. options]);

    private void StartPart(string name, string program, params string[] arguments)
    {
        var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        // Nobody reads it; a full pipe must not stop the process.
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _parts.Add((name, process));
    }

    private async Task WaitAsync(
        string what, string certificates, Func<HttpClient, Task<HttpResponseMessage>> ask, Func<string, bool> isReached)
    {
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed < StartLimit)
        {
            if (_parts.Find(part => part.Process.HasExited) is { Name: { } ended })
                throw new InvalidOperationException($"the process of the {ended} ended");
            if (File.Exists(Path.Combine(certificates, "admin.key")))
            {
                try
                {
                    using var client = Connect();
                    using var response = await ask(client);
                    if (response.IsSuccessStatusCode && isReached(await response.Content.ReadAsStringAsync()))
                        return;
                }
                catch (HttpRequestException)
                {
                    // Not yet.
                }
            }
            await Task.Delay(200);
        }
        throw new InvalidOperationException($"{what} did not get ready within {StartLimit}");
    }

    /// <summary>Runs the command line tool.</summary>
    public void Run(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Program, arguments)
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
            Environment = { ["ORCHESTRATOR_HOME"] = _directory, ["KUBECONFIG"] = Path.Combine(_directory, "kubeconfig") },
        })!;
        var errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"orchestrator {string.Join(' ', arguments)} ended with {process.ExitCode}: {output}{errors.Result}");
    }

    private static string Root()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "KvStore.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("KvStore.sln was not found above the program's folder");
    }
}
