using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Host.Logging;
using Orchestrator.Host.Machine;
using Orchestrator.Host.Profiles;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Pressure;
using Orchestrator.Runtime.Security.Certificates;
using Orchestrator.Runtime.Security.NodeCertificates;

namespace Orchestrator.Host.Joining;

/// <summary>Runs this machine as a node of a cluster elsewhere, from its start to the signal that ends it; its pods run on then.</summary>
/// <remarks>
/// <code>
/// DATA/agent/           0700
///   server-ca.crt       whom it believes: checked against the token once
///   client-ca.crt       whose certificates its kubelet lets in
///   client.pem          who it is; asked for with the token, renewed by itself
///   serving.pem         what its kubelet shows
/// </code>
/// </remarks>
internal sealed class AgentProcess(AgentSettings settings, Profile profile, ILoggerFactory logs)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    private readonly string _folder = Path.Combine(profile.Directory, "agent");
    private readonly ILogger _log = logs.CreateLogger("Orchestrator.Runtime.Kubelet.Agent");

    /// <exception cref="CommandException">It cannot join, or cannot run.</exception>
    public static async Task<int> RunAsync(AgentSettings settings, Profile profile, CancellationToken stopping)
    {
        profile.CreateDirectories();
        using var running = ProfileLock.TryTake(profile.Directory)
            ?? throw new CommandException($"another process serves {profile.Directory}: stop it, or give another --profile");
        using var logs = new LoggerFactory([new PartLogs(settings.LogDirectory, LogLevel.Information, TimeProvider.System)]);
        try
        {
            await new AgentProcess(settings, profile, logs).RunAsync(stopping);
            return 0;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return 0; // Told to stop while it was starting.
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or CryptographicException or ApiException
            or Orchestrator.Runtime.Kubelet.Cri.CriException or Orchestrator.Runtime.Proxy.ServiceProxyException)
        {
            throw new CommandException(problem.Message);
        }
    }

    private async Task RunAsync(CancellationToken stopping)
    {
        if (PressureForecast.Of(NodePlace.Of(profile).Directory, settings.EvictionThresholds) is { } forecast)
            _log.LogWarning("{Forecast}", forecast);
        SecretFiles.MakeDirectory(_folder);
        var identity = new NodeCertificate(NodeCertificateOptions.Client(At("client.pem"), settings.NodeName) with { Log = _log });
        if (identity.Current is null || !File.Exists(At("server-ca.crt")) || !File.Exists(At("client-ca.crt")))
            await PatientlyAsync(() => JoinAsync(identity, stopping), stopping);
        using var authority = X509Certificate2.CreateFromPem(await File.ReadAllTextAsync(At("server-ca.crt"), stopping));
        using var clientAuthority = X509Certificate2.CreateFromPem(await File.ReadAllTextAsync(At("client-ca.crt"), stopping));
        using var transport = new RenewableTransport(
            shown => new HttpTransport(OptionsFor(authority) with { ClientCertificate = shown }), identity.Current!, TimeProvider.System);
        identity.Renewed += transport.Renew;
        var client = new ApiClient(transport);
        try
        {
            await CheckIdentityAsync(client, stopping);
            await ServeAsync(identity, client, clientAuthority, stopping);
        }
        catch (ApiException refusal) when (refusal.Status.Code == 401)
        {
            throw new CommandException($"{settings.Server.Authority} does not know this machine any more: 'orchestrator delete --profile {profile.Name}', and join again");
        }
    }

    private async Task ServeAsync(NodeCertificate identity, ApiClient client, X509Certificate2 clientAuthority, CancellationToken stopping)
    {
        var place = NodePlace.Of(profile);
        var log = logs.CreateLogger("Orchestrator.Runtime.Kubelet.MachineNode");
        await using var node = await MachineNode.PrepareAsync(place, new HostNetwork(place, settings.NodeAddress), settings.Registries, settings.LogDirectory, log);
        var serving = new NodeCertificate(NodeCertificateOptions.Serving(At("serving.pem"), settings.NodeName, settings.NodeAddress) with { Log = _log });
        using var temporary = NodeCertificate.Temporary(settings.NodeName, DateTimeOffset.UtcNow);
        await node.StartAsync(
            new NodeDuty
            {
                Name = settings.NodeName,
                Services = new KubeletServices(new ApiClientKubeletApi(client, isNode: true), TimeProvider.System),
                Client = client,
                Certificate = temporary,
                RenewedCertificate = () => serving.Current,
                ClientAuthority = clientAuthority,
                LeaseDuration = settings.LeaseDuration,
                EvictionThresholds = settings.EvictionThresholds,
                StaticPods = settings.StaticPodDirectory,
            },
            stopping);
        _log.LogInformation("this machine is the node {Node} of {Server}", settings.NodeName, settings.Server.Authority);
        if (settings.LogDirectory is null)
            Console.WriteLine($"Node {settings.NodeName} of {settings.Server.Authority} runs.");
        // The node's addresses are known now, so its request to serve under them can be approved.
        await Task.WhenAll(identity.KeepAsync(client, stopping), serving.KeepAsync(client, stopping));
        _log.LogInformation("stopping; pods run on");
    }

    private async Task JoinAsync(NodeCertificate identity, CancellationToken stopping)
    {
        if (settings.Token is not { } token)
            throw new CommandException("this machine has not joined yet, or its certificate is over: give --token, which 'orchestrator token create' prints on the server's machine");
        var trust = await ClusterTrust.FetchAsync(settings.Server, token, stopping);
        using var authority = X509Certificate2.CreateFromPem(trust.AuthorityPem);
        using var transport = new HttpTransport(OptionsFor(authority) with { BearerToken = () => token.Token.ToString() });
        var client = new ApiClient(transport);
        try
        {
            await CheckNameAsync(client, stopping);
            await identity.RequestAsync(client, stopping);
        }
        catch (ApiException refusal) when (refusal.Status.Code == 401)
        {
            throw new CommandException($"{settings.Server.Authority} does not take the token {token.Token.Id}: it is wrong, over or deleted; make one with 'orchestrator token create' on the server's machine");
        }
        catch (CertificateDeniedException refusal)
        {
            throw new CommandException($"{settings.Server.Authority} gives this machine no certificate: {refusal.Message}");
        }
        SecretFiles.Write(At("client-ca.crt"), trust.ClientAuthorityPem);
        SecretFiles.Write(At("server-ca.crt"), trust.AuthorityPem);
    }

    /// <summary>A second machine of the same name would take the first one's place, and both would fight for it.</summary>
    private async Task CheckNameAsync(ApiClient client, CancellationToken stopping)
    {
        var node = await client.FindAsync<Node>("", settings.NodeName, stopping);
        if (node?.Status.Conditions.OrEmpty().Any(condition => condition is { Type: "Ready", Status: "True" }) == true)
            throw new CommandException($"the cluster has a node \"{settings.NodeName}\" that is Ready: give this machine another name with --node-name");
    }

    /// <summary>Before anything is started. A server that does not answer keeps nobody from running what the machine itself asks for; if it
    /// then does not know the machine, the node's registration fails.</summary>
    private async Task CheckIdentityAsync(ApiClient client, CancellationToken stopping)
    {
        try
        {
            await client.FindAsync<Node>("", settings.NodeName, stopping);
        }
        catch (TransportException fault)
        {
            _log.LogWarning("{Server} does not answer: static pods run, and what runs already; the node joins when it does: {Reason}", settings.Server.Authority, fault.Message);
        }
    }

    /// <summary>A server that does not answer may be starting: machines boot in any order.</summary>
    private async Task PatientlyAsync(Func<Task> work, CancellationToken stopping)
    {
        var pause = FirstPause;
        while (true)
        {
            try
            {
                await work();
                return;
            }
            catch (TransportException fault)
            {
                _log.LogWarning("{Server} does not answer, the next try is in {Pause} s: {Reason}", settings.Server.Authority, pause.TotalSeconds, fault.Message);
            }
            await Task.Delay(pause, stopping);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    private HttpTransportOptions OptionsFor(X509Certificate2 authority) =>
        new(settings.Server) { CertificateAuthorities = [authority], UserAgent = "orchestrator-agent" };

    private string At(string file) => Path.Combine(_folder, file);
}
