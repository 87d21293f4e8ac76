namespace Orchestrator.Runtime.ApiServer;

/// <summary>Says whether somebody may do something.</summary>
public interface IAuthorizer
{
    ValueTask<AuthorizationDecision> AuthorizeAsync(RequestAttributes request, CancellationToken cancellationToken);
}

/// <param name="Reason">Why, in the words that users and reviews see; may be empty.</param>
public readonly record struct AuthorizationDecision(bool IsAllowed, string Reason)
{
    public static AuthorizationDecision Allow(string reason = "") => new(true, reason);

    public static AuthorizationDecision Deny(string reason = "") => new(false, reason);
}
