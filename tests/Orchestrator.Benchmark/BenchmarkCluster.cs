using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;

namespace Orchestrator.Benchmark;

/// <summary>A cluster started by the command that users give, with a home of its own, and HTTPS clients to it.</summary>
internal sealed class BenchmarkCluster : IDisposable
{
    private const string Profile = "bench";

    private static readonly string Program = Path.Combine(Root(), "src", "Orchestrator.Host", "bin", "Release", "net10.0", "orchestrator");

    private readonly string _directory = Directory.CreateTempSubdirectory("orchestrator-bench-").FullName;

    public string ProfileDirectory => Path.Combine(_directory, "profiles", Profile);

    /// <summary>The process that is measured.</summary>
    public int ProcessId => int.Parse(File.ReadAllText(Path.Combine(ProfileDirectory, "server.pid")), CultureInfo.InvariantCulture);

    public Uri Address { get; private set; } = null!;

    /// <returns>The time that the command took.</returns>
    public TimeSpan Start(params string[] options)
    {
        var watch = Stopwatch.StartNew();
        Run(["start", "--profile", Profile, "--wait", "5m", .. options]);
        var took = watch.Elapsed;
        using var settings = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(ProfileDirectory, "settings.json")));
        Address = new Uri($"https://127.0.0.1:{settings.RootElement.GetProperty("apiPort").GetInt32()}");
        return took;
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

    /// <summary>Resident memory, in MiB.</summary>
    public long MemoryMiB()
    {
        string line = File.ReadLines($"/proc/{ProcessId}/status").First(text => text.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }

    /// <summary>Processor time used so far.</summary>
    public TimeSpan ProcessorTime()
    {
        using var process = Process.GetProcessById(ProcessId);
        return process.TotalProcessorTime;
    }

    public void Dispose()
    {
        Run("delete", "--profile", Profile);
        Directory.Delete(_directory, recursive: true);
    }

    private void Run(params string[] arguments)
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
