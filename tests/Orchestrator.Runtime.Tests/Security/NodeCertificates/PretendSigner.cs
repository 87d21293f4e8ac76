using Orchestrator.Api;
using Orchestrator.Api.CertificatesV1;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Security.Certificates;

namespace Orchestrator.Runtime.Tests.Security.NodeCertificates;

/// <summary>An API server that knows requests for certificates alone, and signs or denies them when they are asked after.</summary>
internal sealed class PretendSigner(CertificateAuthority authority, TimeProvider clock, TimeSpan lifetime) : IApiTransport
{
    private readonly Dictionary<string, CertificateSigningRequest> _requests = [];

    public IReadOnlyCollection<CertificateSigningRequest> Requests => _requests.Values;

    public bool Denies { get; set; }

    public bool IsAway { get; set; }

    public Task<ApiResponse> SendAsync(Orchestrator.Runtime.Client.ApiRequest request, CancellationToken cancellation)
    {
        if (IsAway)
            throw new TransportException("connection refused");
        if (request.Method == HttpMethod.Post)
        {
            var made = KubernetesJson.Deserialize<CertificateSigningRequest>(request.Body!.Value.Span);
            made.Metadata.Name = $"{made.Metadata.GenerateName}{_requests.Count}";
            _requests.Add(made.Name, made);
            return Answer(made, 201);
        }
        var asked = _requests[request.PathAndQuery.Split('/')[^1]];
        if (Denies)
            asked.Status.Conditions = [new CertificateSigningRequestCondition { Type = "Denied", Status = "True", Message = "not here" }];
        else
            asked.Status.Certificate = CertificateRequests.Sign(authority, asked.Spec.Request!, asked.Spec.Usages!, lifetime, clock.GetUtcNow());
        return Answer(asked, 200);
    }

    public Task<IApiStream> OpenAsync(Orchestrator.Runtime.Client.ApiRequest request, CancellationToken cancellation) => throw new NotSupportedException();

    private static Task<ApiResponse> Answer(CertificateSigningRequest request, int code) => Task.FromResult(new ApiResponse(code, KubernetesJson.Serialize(request), null));
}
