using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using KvStore.Client;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Security;
using Orchestrator.Runtime.Security.Certificates;
using Orchestrator.Runtime.Tests.ApiServer.Support;

namespace Orchestrator.Runtime.Tests.Security;

/// <summary>A whole secured API server over TLS, on a store process of its own.</summary>
public sealed class SecuredServer : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private readonly ServerFixture _fixture = new();
    private readonly List<IDisposable> _made = [];

    public ClusterCertificates Certificates { get; private set; } = null!;

    public ApiServerHost Server { get; private set; } = null!;

    /// <summary>kubernetes-admin of system:masters.</summary>
    public HttpClient Admin { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Certificates = ClusterCertificates.Ensure(new ClusterCertificatesOptions
        {
            Directory = _directory.File("tls"), FirstServiceAddress = IPAddress.Parse("10.96.0.1"),
        });
        await _fixture.InitializeAsync();
        Server = await StartAsync();
        Admin = Client(Certificates.Admin);
    }

    public async Task DisposeAsync()
    {
        foreach (var made in _made)
            made.Dispose();
        if (Server is not null)
            await Server.DisposeAsync();
        await _fixture.DisposeAsync();
        Certificates?.Dispose();
        _directory.Dispose();
    }

    /// <summary>A further server on the same store.</summary>
    public Task<ApiServerHost> StartAsync(Action<ApiServerOptions>? configure = null) => _fixture.StartServerAsync(options =>
    {
        ClusterSecurity.Secure(options, new ClusterSecurityOptions
        {
            Certificates = Certificates,
            StaticTokens = new Dictionary<string, UserInfo> { ["static-secret"] = new("tester", "testers") },
        });
        configure?.Invoke(options);
    });

    /// <summary>The store forgets everything before its present state.</summary>
    public async Task CompactAsync()
    {
        long revision = (await _fixture.Store.Kv.RangeAsync((KeyRange)"compact_rev_key")).Header.Revision;
        await _fixture.Store.Kv.CompactAsync(revision);
    }

    /// <summary>A client that believes the cluster's authority alone and shows this certificate, if any.</summary>
    public HttpClient Client(X509Certificate2? certificate, string? token = null)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            CustomTrustStore = { Certificates.ServerAuthority.Certificate },
            RevocationMode = X509RevocationMode.NoCheck,
        };
        if (certificate is not null)
            handler.SslOptions.ClientCertificates = [certificate];
        var client = new HttpClient(handler) { BaseAddress = Server.Address };
        if (token is not null)
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        _made.Add(client);
        return client;
    }

    /// <summary>A client of that user, whose certificate the client authority signs.</summary>
    public HttpClient ClientOf(string user, params string[] groups)
    {
        var certificate = Certificates.ClientAuthority.Issue(CertificateSubject.Client(user, groups), DateTimeOffset.UtcNow, TimeSpan.FromDays(1));
        _made.Add(certificate);
        return Client(certificate);
    }

    public static async Task<(int Code, JsonObject Body)> SendAsync(
        HttpClient client, HttpMethod method, string path, string? body = null, string contentType = "application/json",
        params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        }
        using var response = await client.SendAsync(request);
        string text = await response.Content.ReadAsStringAsync();
        try
        {
            var json = JsonNode.Parse(text) as JsonObject ?? [];
            if (response.Headers.TryGetValues("Warning", out var warnings))
                json["$warnings"] = string.Join("\n", warnings);
            return ((int)response.StatusCode, json);
        }
        catch (JsonException)
        {
            return ((int)response.StatusCode, new JsonObject { ["text"] = text });
        }
    }

    public Task<(int Code, JsonObject Body)> GetAsync(HttpClient client, string path) => SendAsync(client, HttpMethod.Get, path);

    public Task<(int Code, JsonObject Body)> PostAsync(HttpClient client, string path, string body) => SendAsync(client, HttpMethod.Post, path, body);

    /// <summary>Asks again until it is so: watch caches and indexes are a moment behind.</summary>
    public static async Task<(int Code, JsonObject Body)> UntilAsync(
        Func<Task<(int Code, JsonObject Body)>> ask, Func<(int Code, JsonObject Body), bool> isSo)
    {
        var deadline = DateTime.UtcNow.AddSeconds(60);
        while (true)
        {
            var answer = await ask();
            if (isSo(answer) || DateTime.UtcNow > deadline)
                return answer;
            await Task.Delay(20);
        }
    }

    /// <summary>A namespace with its default service account, which a controller would make.</summary>
    public async Task<string> NewNamespaceAsync(string labels = "{}")
    {
        string name = $"t-{Guid.NewGuid().ToString("N")[..8]}";
        Assert.Equal(201, (await PostAsync(Admin, "/api/v1/namespaces", $$$"""{"metadata":{"name":"{{{name}}}","labels":{{{labels}}} } }""")).Code);
        Assert.Equal(201, (await PostAsync(Admin, $"/api/v1/namespaces/{name}/serviceaccounts", """{"metadata":{"name":"default"} }""")).Code);
        return name;
    }
}
