using System.Security.Cryptography.X509Certificates;
using Orchestrator.Host.Profiles;
using Orchestrator.Runtime.Client;

namespace Orchestrator.Host;

/// <summary>A profile's API as its admin, for commands.</summary>
internal sealed class ClusterClient : IDisposable
{
    private readonly HttpTransport _transport;

    private ClusterClient(HttpTransport transport) => (_transport, Api) = (transport, new ApiClient(transport));

    public ApiClient Api { get; }

    /// <exception cref="CommandException">The cluster does not run.</exception>
    public static ClusterClient Of(Profile profile)
    {
        if (ProfileSettings.Load(profile)?.AgentOf is { } server)
            throw new CommandException($"\"{profile.Name}\" is this machine's part in {server}: ask there");
        if (ProfileLock.Holder(profile) is null)
            throw new CommandException($"Cluster \"{profile.Name}\" is not running: run 'orchestrator start --profile {profile.Name}'.");
        var credentials = AdminCredentials.Of(profile.Directory);
        return new ClusterClient(new HttpTransport(new HttpTransportOptions(ProfileSettings.Load(profile)!.ApiAddress)
        {
            CertificateAuthorities = [X509Certificate2.CreateFromPem(credentials.AuthorityPem)],
            ClientCertificate = credentials.Certificate(),
            UserAgent = "orchestrator",
        }));
    }

    public void Dispose() => _transport.Dispose();
}
