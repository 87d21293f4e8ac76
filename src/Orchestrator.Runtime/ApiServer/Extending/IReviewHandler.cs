using Microsoft.AspNetCore.Http;
using Orchestrator.Api;

namespace Orchestrator.Runtime.ApiServer;

/// <summary>Answers the creation of an object that is never stored: TokenReview, SubjectAccessReview and its kin,
/// SelfSubjectReview, TokenRequest (serviceaccounts/token).</summary>
public interface IReviewHandler
{
    /// <summary>The kind that is posted: <c>authorization.k8s.io/v1, Kind=SubjectAccessReview</c>.</summary>
    GroupVersionKind Kind { get; }

    /// <summary>Decoded, defaulted and authorized already.</summary>
    /// <returns>What is sent back with 201.</returns>
    /// <exception cref="ApiException">Sent back as it is.</exception>
    Task<IKubernetesObject> CreateAsync(IKubernetesObject review, ReviewContext context, CancellationToken cancellationToken);
}

/// <param name="Namespace">Of the request's path; empty if it has none.</param>
/// <param name="Name">Of the parent (the service account for serviceaccounts/token); else empty.</param>
public sealed record ReviewContext(UserInfo User, string Namespace, string Name, bool IsDryRun, HttpContext Http);
