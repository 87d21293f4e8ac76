using Orchestrator.Api;
using Orchestrator.Api.AuthenticationV1;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Security.Authentication;
using Orchestrator.Runtime.Security.Tokens;

namespace Orchestrator.Runtime.Security.Reviews;

/// <summary>Whose token is this? Asked by others whom users show their tokens.</summary>
internal sealed class TokenReviews(ITokenAuthenticator tokens, IReadOnlyList<string> serverAudiences) : ReviewHandler<TokenReview>
{
    protected override async ValueTask<TokenReview> CreateAsync(TokenReview review, ReviewContext context, CancellationToken cancellationToken)
    {
        if (review.Namespace.Length > 0)
            throw ApiErrors.BadRequest($"namespace is not allowed on this type: {review.Namespace}");
        if (string.IsNullOrEmpty(review.Spec.Token))
            throw ApiErrors.BadRequest("token is required for TokenReview in authentication");
        IReadOnlyList<string> audiences = review.Spec.Audiences is { Count: > 0 } asked ? asked : serverAudiences;
        review.Status = await JudgeAsync(review.Spec.Token, audiences, review.Spec.Audiences is { Count: > 0 }, cancellationToken);
        return review;
    }

    private async ValueTask<TokenReviewStatus> JudgeAsync(
        string token, IReadOnlyList<string> audiences, bool areAudiencesAsked, CancellationToken cancellationToken)
    {
        try
        {
            var found = (await tokens.AuthenticateAsync(token, audiences, cancellationToken))!;
            return new TokenReviewStatus
            {
                Authenticated = true,
                User = ReviewedUser.Of(ClusterAuthenticator.Authenticated(found.User)),
                Audiences = areAudiencesAsked || found.Audiences.Count > 0 ? [.. found.Audiences] : null,
            };
        }
        catch (InvalidTokenException invalid)
        {
            return new TokenReviewStatus { Error = invalid.Message };
        }
    }
}
