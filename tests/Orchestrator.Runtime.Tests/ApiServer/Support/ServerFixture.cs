using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using KvStore.Client;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Tests.ApiServer.Support;

/// <summary>A store and an API server on it, for all tests of a class; each test takes a namespace of its own.</summary>
public sealed class ServerFixture : IAsyncLifetime
{
    private static int _lastNamespace;

    private StoreProcess? _store;

    public EtcdClient Store { get; private set; } = null!;

    public ApiServerHost Server { get; private set; } = null!;

    public HttpClient Http { get; private set; } = null!;

    internal string StoreUrl => _store!.Url;

    public async Task InitializeAsync()
    {
        _store = await StoreProcess.StartAsync();
        Store = new EtcdClient(_store.Url);
        Server = await StartServerAsync();
        Http = ClientOf(Server);
    }

    public async Task DisposeAsync()
    {
        Http?.Dispose();
        if (Server is not null)
            await Server.DisposeAsync();
        if (Store is not null)
            await Store.DisposeAsync();
        if (_store is not null)
            await _store.DisposeAsync();
    }

    /// <summary>A further server on the same store.</summary>
    public Task<ApiServerHost> StartServerAsync(Action<ApiServerOptions>? configure = null)
    {
        var options = new ApiServerOptions { Store = Store, Certificate = Certificate() };
        configure?.Invoke(options);
        return ApiServerHost.StartAsync(options);
    }

    public static HttpClient ClientOf(ApiServerHost server)
    {
#pragma warning disable CA5399 // The certificate is made by this test.
        var handler = new SocketsHttpHandler { AutomaticDecompression = DecompressionMethods.GZip };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        return new HttpClient(handler) { BaseAddress = server.Address };
#pragma warning restore CA5399
    }

    /// <summary>A namespace that no other test uses.</summary>
    public async Task<string> NewNamespaceAsync()
    {
        string name = $"test-{Interlocked.Increment(ref _lastNamespace)}-{Guid.NewGuid().ToString("N")[..6]}";
        var (code, _) = await SendAsync(HttpMethod.Post, "/api/v1/namespaces", $$"""{"metadata":{"name":"{{name}}"} }""");
        Assert.Equal(201, code);
        return name;
    }

    /// <summary>One request with a JSON body.</summary>
    public Task<(int Code, JsonObject Body)> SendAsync(
        HttpMethod method, string path, string? body = null, string contentType = "application/json", string? accept = null) =>
        SendAsync(Http, method, path, body, contentType, accept);

    public static async Task<(int Code, JsonObject Body)> SendAsync(
        HttpClient http, HttpMethod method, string path, string? body = null, string contentType = "application/json",
        string? accept = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        }

        if (accept is not null)
            request.Headers.TryAddWithoutValidation("Accept", accept);
        using var response = await http.SendAsync(request);
        string text = await response.Content.ReadAsStringAsync();
        JsonObject json;
        try
        {
            json = JsonNode.Parse(text) as JsonObject ?? [];
        }
        catch (System.Text.Json.JsonException)
        {
            json = new JsonObject { ["text"] = text };
        }

        return ((int)response.StatusCode, json);
    }

    public static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=kube-apiserver", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), null);
    }
}
