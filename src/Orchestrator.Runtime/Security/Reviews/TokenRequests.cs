using Orchestrator.Api;
using Orchestrator.Api.AuthenticationV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Rbac;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Security.Admission;
using Orchestrator.Runtime.Security.Authorization;
using Orchestrator.Runtime.Security.Tokens;

namespace Orchestrator.Runtime.Security.Reviews;

/// <summary>Makes a token of a service account (serviceaccounts/token).</summary>
internal sealed class TokenRequests(ServiceAccountTokens tokens, IObjectReader objects, TimeProvider clock) : ReviewHandler<TokenRequest>
{
    private const long DefaultSeconds = 3600;
    private const long LeastSeconds = 600;
    private const long MostSeconds = 1L << 32;

    // Old clients do not fetch a new token in time: one for the API server itself lives on.
    private static readonly TimeSpan Extension = TimeSpan.FromDays(365);

    protected override async ValueTask<TokenRequest> CreateAsync(TokenRequest request, ReviewContext context, CancellationToken cancellationToken)
    {
        Check(request, context);
        var account = await FindAsync<ServiceAccount>(context.Namespace, context.Name, cancellationToken)
            ?? throw ApiErrors.NotFound(new GroupResource("", "serviceaccounts"), context.Name);
        await CheckNodeAsync(request, context, cancellationToken);
        request.Spec.Audiences = request.Spec.Audiences is { Count: > 0 } asked ? asked : [.. tokens.Audiences];
        request.Spec.ExpirationSeconds ??= DefaultSeconds;
        var claims = await ClaimsAsync(request, account, cancellationToken);
        request.Metadata.Name ??= account.Name;
        request.Metadata.Namespace ??= account.Namespace;
        request.Metadata.CreationTimestamp ??= clock.GetUtcNow();
        // The answer names the time that was asked for: whoever follows it fetches a new token in time.
        request.Status = new TokenRequestStatus
        {
            Token = tokens.Sign(claims),
            ExpirationTimestamp = claims.WarnAfter ?? claims.Expires,
        };
        return request;
    }

    private void Check(TokenRequest request, ReviewContext context)
    {
        if (request.Namespace.Length > 0 && request.Namespace != context.Namespace)
            throw ApiErrors.BadRequest($"the namespace of the provided object does not match the namespace sent on the request");
        if (request.Name.Length > 0 && request.Name != context.Name)
            throw ApiErrors.BadRequest($"the name of the object ({request.Name}) does not match the name on the URL ({context.Name})");
        var errors = new List<FieldError>();
        var path = FieldPath.Of("spec").Child("expirationSeconds");
        if (request.Spec.ExpirationSeconds < LeastSeconds)
            errors.Add(FieldError.Invalid(path, request.Spec.ExpirationSeconds, "may not specify a duration less than 10 minutes"));
        if (request.Spec.ExpirationSeconds > MostSeconds)
            errors.Add(FieldError.Invalid(path, request.Spec.ExpirationSeconds, "may not specify a duration larger than 2^32 seconds"));
        if (errors.Count > 0)
            throw ApiErrors.Invalid(Kind.GroupKind, "", errors);
    }

    private async ValueTask CheckNodeAsync(TokenRequest request, ReviewContext context, CancellationToken cancellationToken)
    {
        if (NodeIdentity.NodeOf(context.User) is not { } node)
            return;
        await NodeRestriction.CheckTokenAsync(objects, node, context.Namespace, context.Name, request,
            text => ApiErrors.Forbidden(new GroupResource("", "serviceaccounts"), context.Name, text), cancellationToken);
    }

    private async ValueTask<ServiceAccountClaims> ClaimsAsync(TokenRequest request, ServiceAccount account, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        long seconds = request.Spec.ExpirationSeconds!.Value;
        var claims = new ServiceAccountClaims
        {
            Issuer = tokens.Issuer,
            Audiences = request.Spec.Audiences.OrEmpty(),
            Id = Guid.NewGuid().ToString(),
            Namespace = account.Namespace,
            ServiceAccount = new BoundObject(account.Name, account.Uid),
            IssuedAt = now,
            NotBefore = now,
            Expires = now.AddSeconds(seconds),
        };
        if (request.Spec.BoundObjectRef is { } bound)
            claims = await BindAsync(claims, bound, account, cancellationToken);
        bool isExtended = seconds == ServiceAccountAdmission.TokenSeconds && claims.Pod is not null
            && claims.Audiences.All(tokens.Audiences.Contains);
        return isExtended ? claims with { WarnAfter = claims.Expires, Expires = now + Extension } : claims;
    }

    private async ValueTask<ServiceAccountClaims> BindAsync(
        ServiceAccountClaims claims, BoundObjectReference bound, ServiceAccount account, CancellationToken cancellationToken)
    {
        string name = bound.Name ?? "";
        switch (bound.ApiVersion, bound.Kind)
        {
            case ("v1", "Pod"):
                var pod = CheckUid(await FindAsync<Pod>(account.Namespace, name, cancellationToken), "pods", bound);
                if (pod.Spec.ServiceAccountName != account.Name)
                {
                    throw ApiErrors.BadRequest($"cannot bind token for serviceaccount {Quoted.Text(account.Name)} to pod running with "
                        + "different serviceaccount name.");
                }
                var node = string.IsNullOrEmpty(pod.Spec.NodeName) ? null : await FindAsync<Node>("", pod.Spec.NodeName, cancellationToken);
                return claims with { Pod = Of(pod), Node = node is null ? null : Of(node) };
            case ("v1", "Secret"):
                return claims with { Secret = Of(CheckUid(await FindAsync<Secret>(account.Namespace, name, cancellationToken), "secrets", bound)) };
            case ("v1", "Node"):
                return claims with { Node = Of(CheckUid(await FindAsync<Node>("", name, cancellationToken), "nodes", bound)) };
            default:
                throw ApiErrors.BadRequest($"cannot bind token to object of type {GroupVersionKind.Parse(bound.ApiVersion, bound.Kind)}");
        }
    }

    private static BoundObject Of(IKubernetesObject value) => new(value.Name, value.Uid);

    private static T CheckUid<T>(T? found, string resource, BoundObjectReference bound)
        where T : class, IKubernetesObject
    {
        if (found is null)
            throw ApiErrors.NotFound(new GroupResource("", resource), bound.Name ?? "");
        if (!string.IsNullOrEmpty(bound.Uid) && bound.Uid != found.Uid)
        {
            throw ApiErrors.Conflict(new GroupResource("", bound.Kind!), bound.Name ?? "",
                $"the UID in the bound object reference ({bound.Uid}) does not match the UID in record. The object might have been deleted and then recreated");
        }
        return found;
    }

    private async ValueTask<T?> FindAsync<T>(string namespaceName, string name, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<T> =>
        await objects.GetAsync<T>(namespaceName, name, cancellationToken) ?? await objects.GetLiveAsync<T>(namespaceName, name, cancellationToken);
}
