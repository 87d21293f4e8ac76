namespace Orchestrator.Api.Rbac;

/// <summary>RBAC only ever allows: what it does not allow, another authorizer may.</summary>
/// <param name="Reason">Which binding allowed it, or which roles were missing; "" when there is nothing to say.</param>
public readonly record struct RbacDecision(bool IsAllowed, string Reason);
