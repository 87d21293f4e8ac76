using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Control.BootstrapTokens;
using Orchestrator.Host.Commands;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Security;

namespace Orchestrator.Host.Joining;

/// <summary>Whom a machine that has joined believes: who signs what servers show, and who signs for those that may ask its kubelet.</summary>
internal sealed record ClusterTrust(string AuthorityPem, string ClientAuthorityPem)
{
    /// <summary>Asks the server itself, and believes what it says only when that is what the token says.</summary>
    /// <exception cref="CommandException">It is another cluster's server, or none that machines may join.</exception>
    /// <exception cref="TransportException">Nobody answers.</exception>
    public static async Task<ClusterTrust> FetchAsync(Uri server, JoinToken token, CancellationToken cancellation)
    {
        // Nothing but the certificate is taken from whoever answers here.
        using var anybody = new HttpTransport(new HttpTransportOptions(server), new SocketsHttpHandler
        {
            UseProxy = false, SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, _, _, _) => true },
        });
        string authority = TextOf(await ClusterInfoAsync(anybody, server, cancellation), ClusterInformation.AuthorityKey, server);
        string hash;
        try
        {
            hash = TokenCommand.HashOf(authority);
        }
        catch (Exception fault) when (fault is CryptographicException or ArgumentException)
        {
            throw new CommandException($"{server.Authority} shows no certificate of an authority: {fault.Message}");
        }
        if (hash != token.AuthorityHash)
            throw new CommandException($"{server.Authority} is not the cluster that the token is for: its authority's certificate has the hash {hash}, the token names {token.AuthorityHash}");
        using var trusted = new HttpTransport(new HttpTransportOptions(server) { CertificateAuthorities = [X509Certificate2.CreateFromPem(authority)] });
        var info = await ClusterInfoAsync(trusted, server, cancellation);
        return new ClusterTrust(authority, TextOf(info, ClusterInformation.ClientAuthorityKey, server));
    }

    private static async Task<ConfigMap> ClusterInfoAsync(IApiTransport transport, Uri server, CancellationToken cancellation)
    {
        try
        {
            return await new ApiClient(transport).GetAsync<ConfigMap>(ClusterInformation.Namespace, ClusterInformation.Name, cancellation);
        }
        catch (ApiException refusal) when (refusal.Status.Code is (int)HttpStatusCode.NotFound or (int)HttpStatusCode.Forbidden or (int)HttpStatusCode.Unauthorized)
        {
            throw NotJoinable(server);
        }
    }

    private static string TextOf(ConfigMap info, string key, Uri server) => info.Data.OrEmpty().TryGetValue(key, out string? text) ? text : throw NotJoinable(server);

    private static CommandException NotJoinable(Uri server) =>
        new($"{server.Authority} is no cluster that machines may join: start it with 'orchestrator start --node-network host'");
}
