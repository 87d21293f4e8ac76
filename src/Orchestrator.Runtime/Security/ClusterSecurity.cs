using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Security.Admission;
using Orchestrator.Runtime.Security.Admission.PodSecurity;
using Orchestrator.Runtime.Security.Admission.Quotas;
using Orchestrator.Runtime.Security.Authentication;
using Orchestrator.Runtime.Security.Authorization;
using Orchestrator.Runtime.Security.Bootstrapping;
using Orchestrator.Runtime.Security.Reviews;
using Orchestrator.Runtime.Security.Tokens;

namespace Orchestrator.Runtime.Security;

/// <summary>Makes an API server one that knows who asks, what they may do, and what may be written: one call before it is started.</summary>
public static class ClusterSecurity
{
    /// <summary>Puts certificate, authenticators, authorizers, admission, reviews, the tokens' public keys and what every cluster has
    /// from the start into <paramref name="server"/>.</summary>
    /// <param name="security">Its certificates must live as long as the server does.</param>
    public static void Secure(ApiServerOptions server, ClusterSecurityOptions security)
    {
        var tokens = Tokens(security);
        // One set of parts for each server: what is asked for first makes it, so that all share the authorizers and their indexes.
        var parts = new ConditionalWeakTable<ApiServerServices, Parts>();
        Parts PartsOf(ApiServerServices services) => parts.GetValue(services, given => new Parts(given, tokens, security));

        server.Certificate = security.Certificates.ApiServer;
        server.AskForClientCertificate = true;
        server.CreateAuthorizer = services => PartsOf(services).Authorizer;
        server.CreateAuthenticator = services => PartsOf(services).Authenticator;
        server.CreateAdmission = services => PartsOf(services).Admission;
        server.CreateReviews = services => PartsOf(services).Reviews;
        server.CreateEndpoints = _ => Endpoints(tokens, security);
        var joining = security.JoinAddress is { } address ? new NodeJoining(security.Certificates, address) : null;
        server.Bootstrap.Add((services, cancellationToken) => new ClusterBootstrap(services, security.Certificates, joining).RunAsync(cancellationToken));
    }

    private static ServiceAccountTokens Tokens(ClusterSecurityOptions security) => new(
        security.Issuer, security.Audiences.Count > 0 ? security.Audiences : [security.Issuer], new SigningKey(security.Certificates.ServiceAccountKey));

    private static Dictionary<string, RequestDelegate> Endpoints(ServiceAccountTokens tokens, ClusterSecurityOptions security)
    {
        byte[] keys = tokens.KeySet();
        byte[] discovery = tokens.Discovery(security.KeySetUri ?? $"{security.Issuer.TrimEnd('/')}/openid/v1/jwks");
        return new()
        {
            ["/openid/v1/jwks"] = context => AnswerAsync(context, "application/jwk-set+json", keys),
            ["/.well-known/openid-configuration"] = context => AnswerAsync(context, "application/json", discovery),
        };
    }

    private static async Task AnswerAsync(HttpContext context, string contentType, byte[] body)
    {
        context.Response.ContentType = contentType;
        context.Response.ContentLength = body.Length;
        context.Response.Headers.CacheControl = "public, max-age=3600";
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }

    private sealed class Parts
    {
        public Parts(ApiServerServices services, ServiceAccountTokens tokens, ClusterSecurityOptions security)
        {
            var rbac = new RbacAuthorizer(services.Objects);
            Authorizer = new ClusterAuthorizer(new NodeAuthorizer(services.Objects), rbac);
            var byToken = new TokenAuthenticators(
            [
                new StaticTokenAuthenticator(security.StaticTokens, tokens.Audiences),
                new ServiceAccountAuthenticator(tokens, services.Objects, services.Clock, services.Tokens),
                new LegacyTokenAuthenticator(tokens, services.Objects),
                new BootstrapTokenAuthenticator(services.Objects, tokens.Audiences, services.Clock),
            ]);
            Authenticator = new ClusterAuthenticator(
                new RequestHeaderAuthenticator(new CertificateAuthenticator(security.Certificates.RequestHeaderAuthority, services.Clock)),
                new CertificateAuthenticator(security.Certificates.ClientAuthority, services.Clock), byToken, tokens.Audiences,
                new Impersonation(Authorizer), security.AllowAnonymous);
            Admission = Plugins(services, Authorizer, rbac, security);
            Reviews =
            [
                new TokenReviews(byToken, tokens.Audiences),
                new TokenRequests(tokens, services.Objects, services.Clock),
                new SubjectAccessReviews(Authorizer),
                new LocalSubjectAccessReviews(Authorizer),
                new SelfSubjectAccessReviews(Authorizer),
                new SelfSubjectRulesReviews(rbac),
                new SelfSubjectReviews(),
            ];
        }

        public IAuthorizer Authorizer { get; }

        public IAuthenticator Authenticator { get; }

        public IReadOnlyList<IAdmissionPlugin> Admission { get; }

        public IReadOnlyList<IReviewHandler> Reviews { get; }

        /// <summary>In Kubernetes' order. The quotas come last: what is refused is not counted.</summary>
        private static List<IAdmissionPlugin> Plugins(
            ApiServerServices services, IAuthorizer authorizer, RbacAuthorizer rbac, ClusterSecurityOptions security) =>
        [
            new NamespaceLifecycle(),
            new LimitRanger(),
            new ServiceAccountAdmission(services.Clock),
            new NodeRestriction(),
            new TaintNodesByCondition(),
            new PodSecurityAdmission(),
            new PriorityAdmission(),
            new DefaultTolerationSeconds(security.NotReadyTolerationSeconds, security.UnreachableTolerationSeconds),
            new DefaultStorageClass(),
            .. security.ProtectStorageInUse ? [new StorageObjectInUseProtection()] : Array.Empty<IAdmissionPlugin>(),
            new PersistentVolumeClaimResize(),
            new RuntimeClassAdmission(),
            new CertificateApproval(authorizer),
            new CertificateSigning(authorizer),
            new CertificateSubjectRestriction(),
            new DefaultIngressClass(),
            new RbacEscalation(authorizer, rbac),
            new ResourceQuotaAdmission(services.Writer, services.Clock),
        ];
    }
}
