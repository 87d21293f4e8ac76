using System.Text;
using Orchestrator.Api;
using Orchestrator.Api.AuthorizationV1;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Reviews;

/// <summary>May somebody do this? Asked about anybody, for the whole cluster.</summary>
internal sealed class SubjectAccessReviews(IAuthorizer authorizer) : ReviewHandler<SubjectAccessReview>
{
    protected override async ValueTask<SubjectAccessReview> CreateAsync(
        SubjectAccessReview review, ReviewContext context, CancellationToken cancellationToken)
    {
        var errors = AccessReviewRules.Check(review.Spec);
        if (errors.Count > 0)
            throw ApiErrors.Invalid(Kind.GroupKind, "", errors);
        review.Status = await AccessReviewRules.AskAsync(authorizer, AccessReviewRules.UserOf(review.Spec), review.Spec, cancellationToken);
        return review;
    }
}

/// <summary>The same within one namespace.</summary>
internal sealed class LocalSubjectAccessReviews(IAuthorizer authorizer) : ReviewHandler<LocalSubjectAccessReview>
{
    protected override async ValueTask<LocalSubjectAccessReview> CreateAsync(
        LocalSubjectAccessReview review, ReviewContext context, CancellationToken cancellationToken)
    {
        var errors = AccessReviewRules.Check(review.Spec);
        var spec = FieldPath.Of("spec");
        if (review.Spec.ResourceAttributes is null || review.Spec.NonResourceAttributes is not null)
            errors.Add(FieldError.Invalid(spec.Child("nonResourceAttributes"), null, "disallowed on this kind of request"));
        else if (review.Spec.ResourceAttributes.Namespace != context.Namespace)
            errors.Add(FieldError.Invalid(spec.Child("resourceAttributes").Child("namespace"), review.Spec.ResourceAttributes.Namespace, "must match metadata.namespace"));
        if (errors.Count > 0)
            throw ApiErrors.Invalid(Kind.GroupKind, "", errors);
        review.Status = await AccessReviewRules.AskAsync(authorizer, AccessReviewRules.UserOf(review.Spec), review.Spec, cancellationToken);
        return review;
    }
}

/// <summary>May I do this? What <c>auth can-i</c> asks.</summary>
internal sealed class SelfSubjectAccessReviews(IAuthorizer authorizer) : ReviewHandler<SelfSubjectAccessReview>
{
    protected override async ValueTask<SelfSubjectAccessReview> CreateAsync(
        SelfSubjectAccessReview review, ReviewContext context, CancellationToken cancellationToken)
    {
        var spec = new SubjectAccessReviewSpec
        {
            ResourceAttributes = review.Spec.ResourceAttributes,
            NonResourceAttributes = review.Spec.NonResourceAttributes,
        };
        var errors = new List<FieldError>();
        AccessReviewRules.CheckAttributes(spec, errors);
        if (errors.Count > 0)
            throw ApiErrors.Invalid(Kind.GroupKind, "", errors);
        review.Status = await AccessReviewRules.AskAsync(authorizer, context.User, spec, cancellationToken);
        return review;
    }
}

internal static class AccessReviewRules
{
    public static List<FieldError> Check(SubjectAccessReviewSpec spec)
    {
        var errors = new List<FieldError>();
        CheckAttributes(spec, errors);
        if (string.IsNullOrEmpty(spec.User) && spec.Groups.OrEmpty().Count == 0)
            errors.Add(FieldError.Invalid(FieldPath.Of("spec").Child("user"), spec.User ?? "", "at least one of user or group must be specified"));
        return errors;
    }

    public static void CheckAttributes(SubjectAccessReviewSpec spec, List<FieldError> errors)
    {
        var path = FieldPath.Of("spec");
        if (spec.ResourceAttributes is not null && spec.NonResourceAttributes is not null)
        {
            errors.Add(FieldError.Invalid(path.Child("nonResourceAttributes"), "", "cannot be specified in combination with resourceAttributes"));
        }
        else if (spec.ResourceAttributes is null && spec.NonResourceAttributes is null)
        {
            errors.Add(FieldError.Invalid(path.Child("resourceAttributes"), "", "exactly one of nonResourceAttributes or resourceAttributes must be specified"));
        }
    }

    public static UserInfo UserOf(SubjectAccessReviewSpec spec) => new(spec.User ?? "", spec.Uid ?? "", spec.Groups.OrEmpty(),
        spec.Extra.OrEmpty().ToDictionary(pair => pair.Key, pair => (IReadOnlyList<string>)pair.Value));

    public static async ValueTask<SubjectAccessReviewStatus> AskAsync(
        IAuthorizer authorizer, UserInfo user, SubjectAccessReviewSpec spec, CancellationToken cancellationToken)
    {
        var decision = await authorizer.AuthorizeAsync(Attributes(user, spec), cancellationToken);
        return new SubjectAccessReviewStatus
        {
            Allowed = decision.IsAllowed,
            Reason = decision.Reason.Length == 0 ? null : decision.Reason,
        };
    }

    private static RequestAttributes Attributes(UserInfo user, SubjectAccessReviewSpec spec)
    {
        if (spec.NonResourceAttributes is { } path)
            return RequestAttributes.ForPath(user, path.Verb ?? "", path.Path ?? "");
        var asked = spec.ResourceAttributes!;
        var attributes = RequestAttributes.ForResource(user, asked.Verb ?? "", asked.Group ?? "", asked.Version ?? "", asked.Resource ?? "",
            asked.Namespace ?? "", asked.Name ?? "", asked.Subresource ?? "");
        return attributes with { FieldSelector = FieldSelector(asked.FieldSelector) };
    }

    /// <summary>Nodes' rights hang on what they select; requirements that a selector's text cannot say are left out, which allows less.</summary>
    private static string? FieldSelector(FieldSelectorAttributes? selector)
    {
        if (selector is null)
            return null;
        if (!string.IsNullOrEmpty(selector.RawSelector))
            return selector.RawSelector;
        var text = new StringBuilder();
        foreach (var requirement in selector.Requirements.OrEmpty())
        {
            if (requirement.Values is { Count: 1 } values && requirement.Operator is "In" or "NotIn")
                text.Append(text.Length == 0 ? "" : ",").Append(requirement.Key).Append(requirement.Operator == "In" ? "=" : "!=").Append(requirement.Values![0]);
        }
        return text.Length == 0 ? null : text.ToString();
    }
}
