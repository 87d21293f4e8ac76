using Orchestrator.Api;
using Orchestrator.Api.AuthenticationV1;
using Orchestrator.Api.AuthorizationV1;
using Orchestrator.Api.RbacV1;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Security.Authorization;
using UserInfo = Orchestrator.Runtime.ApiServer.UserInfo;

namespace Orchestrator.Runtime.Security.Reviews;

/// <summary>What may I do? What <c>auth can-i --list</c> asks.</summary>
internal sealed class SelfSubjectRulesReviews(RbacAuthorizer rbac) : ReviewHandler<SelfSubjectRulesReview>
{
    protected override async ValueTask<SelfSubjectRulesReview> CreateAsync(
        SelfSubjectRulesReview review, ReviewContext context, CancellationToken cancellationToken)
    {
        string namespaceName = review.Spec.Namespace ?? "";
        if (namespaceName.Length == 0)
            throw ApiErrors.BadRequest("no namespace on request");
        var index = await rbac.IndexAsync(cancellationToken);
        var rules = index.RulesFor(context.User.Name, context.User.Groups, namespaceName, out var errors);
        bool isNode = NodeIdentity.NodeOf(context.User) is not null;
        review.Status = new SubjectRulesReviewStatus
        {
            ResourceRules = [.. rules.Where(rule => rule.Resources is { Count: > 0 }).Select(ResourceRule)],
            NonResourceRules =
            [
                .. rules.Where(rule => rule.NonResourceURLs is { Count: > 0 })
                    .Select(rule => new NonResourceRule { Verbs = rule.Verbs.OrEmpty(), NonResourceURLs = rule.NonResourceURLs }),
            ],
            // What a node may do depends on its pods and is not to be listed.
            Incomplete = isNode || errors.Count > 0,
            EvaluationError = string.Join(", ", isNode ? ["node authorizer does not support user rule resolution"] : errors) is { Length: > 0 } text ? text : null,
        };
        return review;
    }

    private static ResourceRule ResourceRule(PolicyRule rule) => new()
    {
        Verbs = rule.Verbs.OrEmpty(),
        ApiGroups = rule.ApiGroups,
        Resources = rule.Resources,
        ResourceNames = rule.ResourceNames,
    };
}

/// <summary>Who am I? What <c>auth whoami</c> asks.</summary>
internal sealed class SelfSubjectReviews : ReviewHandler<SelfSubjectReview>
{
    protected override ValueTask<SelfSubjectReview> CreateAsync(SelfSubjectReview review, ReviewContext context, CancellationToken cancellationToken)
    {
        review.Status.UserInfo = ReviewedUser.Of(context.User);
        return new(review);
    }
}

internal static class ReviewedUser
{
    public static Orchestrator.Api.AuthenticationV1.UserInfo Of(UserInfo user) => new()
    {
        Username = user.Name,
        Uid = user.Uid.Length == 0 ? null : user.Uid,
        Groups = user.Groups.Count == 0 ? null : [.. user.Groups],
        Extra = user.Extra.Count == 0 ? null : user.Extra.ToDictionary(pair => pair.Key, pair => pair.Value.ToList()),
    };
}
