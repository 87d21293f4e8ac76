using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using KvStore.Client;
using KvStore.Server.Hosting;

namespace Orchestrator.Host.Serving;

/// <summary>The way to the store: a member in this process, or a cluster elsewhere.</summary>
internal sealed class StoreConnection : IAsyncDisposable
{
    /// <summary>For values in the embedded store's memory. The API server has its objects in memory itself and seldom reads them from the
    /// store; what the store may have it takes, sooner or later, also in an idle cluster.</summary>
    private const long StoreMemoryBytes = 16 << 20;

    private readonly EmbeddedStore? _embedded;

    private StoreConnection(EtcdClient client, EmbeddedStore? embedded) => (Client, _embedded) = (client, embedded);

    public EtcdClient Client { get; }

    /// <summary>Of the embedded store's data.</summary>
    public static string DirectoryOf(ServerSettings settings) => Path.Combine(settings.DataDirectory, "store");

    /// <param name="onFault">Told, with what to say, when the embedded store cannot go on.</param>
    public static async Task<StoreConnection> OpenAsync(ServerSettings settings, Action<string> onFault, CancellationToken stopping)
    {
        if (settings.StoreEndpoints.Count > 0)
            return new StoreConnection(new EtcdClient(new ClientOptions { Endpoints = settings.StoreEndpoints, Tls = TlsOf(settings) }), null);
        // etcdctl reaches it by the socket, which is only its owner's: it is in a directory of mode 0700.
        string socket = Path.Combine(settings.DataDirectory, "store.sock");
        string peerSocket = Path.Combine(settings.DataDirectory, "store-peer.sock");
        File.Delete(socket);
        File.Delete(peerSocket);
        var store = await EmbeddedStore.StartAsync(
            [
                "--name=store", "--data-dir=" + DirectoryOf(settings),
                "--listen-client-urls=unix://" + socket, "--advertise-client-urls=unix://" + socket,
                "--listen-peer-urls=unix://" + peerSocket, "--initial-advertise-peer-urls=unix://" + peerSocket,
                "--initial-cluster=store=unix://" + peerSocket,
                "--value-memory-bytes=" + StoreMemoryBytes.ToString(CultureInfo.InvariantCulture),
                "--log-outputs=" + (settings.LogDirectory is { } logs ? Path.Combine(logs, "store.log") : "stderr"),
                "--log-level=" + (settings.LogDirectory is null ? "warn" : "info"),
            ],
            (loop, fault) => onFault($"the store cannot go on ({loop}): {fault.Message}"), stopping);
        return new StoreConnection(new EtcdClient(new ClientOptions { Channel = store.Channel }), store);
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        if (_embedded is not null)
            await _embedded.DisposeAsync();
    }

    private static SslClientAuthenticationOptions? TlsOf(ServerSettings settings)
    {
        if (settings.StoreCaFile is null && settings.StoreCertFile is null)
            return null;
        if ((settings.StoreCertFile is null) != (settings.StoreKeyFile is null))
            throw new CommandException("--store-certfile and --store-keyfile are given together or not at all");
        var options = new SslClientAuthenticationOptions();
        try
        {
            if (settings.StoreCertFile is { } certificate)
                options.ClientCertificates = [X509Certificate2.CreateFromPemFile(certificate, settings.StoreKeyFile)];
            if (settings.StoreCaFile is { } authority)
            {
                options.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
                options.CertificateChainPolicy.CustomTrustStore.ImportFromPemFile(authority);
                if (options.CertificateChainPolicy.CustomTrustStore.Count == 0)
                    throw new CommandException($"--store-cafile: {authority} holds no certificate in PEM");
            }
        }
        catch (CryptographicException fault)
        {
            throw new CommandException($"the store's certificates cannot be read: {fault.Message}");
        }
        return options;
    }
}
