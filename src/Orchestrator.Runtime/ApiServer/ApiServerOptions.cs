using System.Net;
using System.Security.Cryptography.X509Certificates;
using KvStore.Client;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Orchestrator.Runtime.Metrics;

namespace Orchestrator.Runtime.ApiServer;

/// <summary>What an API server is made of.</summary>
public sealed class ApiServerOptions
{
    /// <summary>As Kubernetes has it.</summary>
    public const int DefaultMaxRequestsInFlight = 400;

    /// <summary>As Kubernetes has it.</summary>
    public const int DefaultMaxMutatingRequestsInFlight = 200;

    /// <summary>The store; the server does not dispose it.</summary>
    public required EtcdClient Store { get; init; }

    /// <summary>Port 0 takes a free one; the host tells which. May be in another network (<see cref="Kubelet.NamespaceEndPoint"/>).</summary>
    public IReadOnlyList<IPEndPoint> Listen { get; init; } = [new(IPAddress.Loopback, 0)];

    /// <summary>With its chain's own key; null serves plain HTTP (tests).</summary>
    public X509Certificate2? Certificate { get; set; }

    /// <summary>Sent beside the certificate.</summary>
    public X509Certificate2Collection? CertificateChain { get; set; }

    /// <summary>Clients may show a certificate; whether it is good is the authenticator's to say (it finds it in
    /// <c>context.Connection.ClientCertificate</c>).</summary>
    public bool AskForClientCertificate { get; set; } = true;

    /// <summary>Null: everybody is <c>system:anonymous</c> in <c>system:masters</c>. For tests only.</summary>
    public Func<ApiServerServices, IAuthenticator>? CreateAuthenticator { get; set; }

    /// <summary>Null: everything is allowed. For tests only.</summary>
    public Func<ApiServerServices, IAuthorizer>? CreateAuthorizer { get; set; }

    /// <summary>In the order in which they are asked.</summary>
    public Func<ApiServerServices, IReadOnlyList<IAdmissionPlugin>>? CreateAdmission { get; set; }

    /// <summary>Answers to kinds that are created and never stored. A kind without handler is served as not found.</summary>
    public Func<ApiServerServices, IReadOnlyList<IReviewHandler>>? CreateReviews { get; set; }

    /// <summary>Further paths: <c>/.well-known/openid-configuration</c>, <c>/openid/v1/jwks</c>. Called after
    /// authentication and authorization of the path.</summary>
    public Func<ApiServerServices, IReadOnlyDictionary<string, RequestDelegate>>? CreateEndpoints { get; set; }

    /// <summary>Called once when the store can be written, before the server listens: bootstrap roles and the like. Several
    /// servers may do it at once.</summary>
    public IList<Func<ApiServerServices, CancellationToken, Task>> Bootstrap { get; } = [];

    /// <summary>The way to kubelets; null answers logs, exec and the like with 503.</summary>
    public INodeProxy? NodeProxy { get; set; }

    /// <summary>Of services. The first address is the one of the service <c>kubernetes</c>.</summary>
    public string ServiceClusterIPRange { get; init; } = "10.96.0.0/16";

    public int NodePortFirst { get; init; } = 30000;

    public int NodePortLast { get; init; } = 32767;

    /// <summary>The address in the endpoints of the service <c>kubernetes</c>; null takes the first listen address. One that
    /// other machines have no use for (loopback, any) gives way to that of the interface which leads out, as in
    /// Kubernetes; without such an interface the service has no endpoints.</summary>
    public IPAddress? AdvertiseAddress { get; set; }

    /// <summary>What other parts of the process measure; it is told at /metrics too. Null: nothing.</summary>
    public MeterText? Meters { get; init; }

    /// <summary>How long a watch goes on at least that does not say so itself; at most twice that.</summary>
    public TimeSpan MinRequestTimeout { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>How long a request may take that is no watch and no stream: its body has come and its answer is read by then, or the
    /// client has gone for us.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Reads that are served at once, watches and streams left out; one more is refused with 429 unless its user is a master.
    /// 0: no limit.</summary>
    public int MaxRequestsInFlight { get; set; } = DefaultMaxRequestsInFlight;

    /// <summary>The same for writes.</summary>
    public int MaxMutatingRequestsInFlight { get; set; } = DefaultMaxMutatingRequestsInFlight;

    /// <summary>How long the client of a watch may leave unread what was sent to it.</summary>
    public TimeSpan WatchStallLimit { get; set; } = TimeSpan.FromMinutes(2);

    public TimeSpan CompactionInterval { get; init; } = TimeSpan.FromMinutes(5);

    public TimeSpan EventTtl { get; init; } = TimeSpan.FromHours(1);

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;
}
