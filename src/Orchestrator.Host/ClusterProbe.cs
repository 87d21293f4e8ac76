using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Orchestrator.Host.Profiles;
using Orchestrator.Runtime.Security.Kubeconfigs;

namespace Orchestrator.Host;

/// <summary>What a look at a cluster's API showed.</summary>
/// <param name="FailedChecks">Why an API server that answers is not ready, by the checks' names: <c>etcd</c> is the store.</param>
internal readonly record struct ClusterState(bool ApiServerIsReady, int Nodes, int ReadyNodes, IReadOnlyList<string> FailedChecks)
{
    /// <summary>Nobody answers.</summary>
    public static ClusterState Silent { get; } = new(false, 0, 0, []);

    public bool IsReady(int nodes) => ApiServerIsReady && ReadyNodes >= nodes;
}

/// <summary>Looks at a cluster as its admin, from outside, as any client does.</summary>
/// <param name="since">A node that has not told of itself since then does not count as Ready: what it said may be of an earlier life.</param>
internal sealed class ClusterProbe(Profile profile, Uri address, DateTimeOffset since = default) : IDisposable
{
    /// <summary>A server on a busy machine, which waits two seconds for its store before it says that this is away, answers within it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private HttpClient? _client;

    /// <summary>Nothing is thrown for what does not answer: that is a state too.</summary>
    public async Task<ClusterState> LookAsync(CancellationToken cancellation)
    {
        try
        {
            _client ??= Connect();
            if (_client is null)
                return ClusterState.Silent;
            using var ready = await _client.GetAsync("/readyz", cancellation);
            if (!ready.IsSuccessStatusCode)
                return ClusterState.Silent with { FailedChecks = FailedChecks(await ready.Content.ReadAsStringAsync(cancellation)) };
            await using var nodes = await _client.GetStreamAsync("/api/v1/nodes", cancellation);
            using var list = await JsonDocument.ParseAsync(nodes, cancellationToken: cancellation);
            var items = list.RootElement.GetProperty("items");
            return new ClusterState(true, items.GetArrayLength(), items.EnumerateArray().Count(IsReady), []);
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or JsonException or KeyNotFoundException
            || (fault is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return ClusterState.Silent;
        }
    }

    public void Dispose() => _client?.Dispose();

    /// <param name="text">A line for each check: <c>[+]ping ok</c>, <c>[-]etcd failed: reason withheld</c>.</param>
    private static List<string> FailedChecks(string text) =>
        [.. text.Split('\n').Where(line => line.StartsWith("[-]", StringComparison.Ordinal)).Select(line => line[3..].Split(' ')[0])];

    private bool IsReady(JsonElement node) =>
        node.TryGetProperty("status", out var status) && status.TryGetProperty("conditions", out var conditions)
        && conditions.EnumerateArray().Any(condition =>
            condition.GetProperty("type").GetString() == "Ready" && condition.GetProperty("status").GetString() == "True"
            && (since == default || (condition.TryGetProperty("lastHeartbeatTime", out var told) && told.GetDateTimeOffset() >= since)));

    /// <returns>Null while the certificates are not there yet.</returns>
    private HttpClient? Connect()
    {
        if (AdminCredentials.TryRead(profile.Directory) is not { } credentials)
            return null;
        var authority = X509Certificate2.CreateFromPem(credentials.AuthorityPem);
        var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                ClientCertificates = [credentials.Certificate()],
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { authority }, RevocationMode = X509RevocationMode.NoCheck,
                },
            },
        };
        var client = new HttpClient(handler) { BaseAddress = address, Timeout = Patience };
        client.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        client.DefaultRequestHeaders.UserAgent.ParseAdd("orchestrator");
        return client;
    }
}

/// <summary>The admin's certificate as the server keeps it in the profile's directory.</summary>
internal sealed record AdminCredentials(string AuthorityPem, string CertificatePem, string KeyPem)
{
    /// <exception cref="CommandException">They are not there.</exception>
    public static AdminCredentials Of(string dataDirectory) =>
        TryRead(dataDirectory) ?? throw new CommandException($"there are no certificates in {Path.Combine(dataDirectory, "tls")}: start the cluster");

    public static AdminCredentials? TryRead(string dataDirectory)
    {
        string tls = Path.Combine(dataDirectory, "tls");
        string[] files = [Path.Combine(tls, "server-ca.crt"), Path.Combine(tls, "admin.crt"), Path.Combine(tls, "admin.key")];
        return Array.TrueForAll(files, File.Exists)
            ? new AdminCredentials(File.ReadAllText(files[0]), File.ReadAllText(files[1]), File.ReadAllText(files[2]))
            : null;
    }

    public X509Certificate2 Certificate() => X509Certificate2.CreateFromPem(CertificatePem, KeyPem);

    public KubeconfigEntry Entry(string name, Uri address) => new(name, address, AuthorityPem, CertificatePem, KeyPem);
}
