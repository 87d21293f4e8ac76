namespace Orchestrator.Runtime.Client;

/// <summary>Somebody for whom another makes requests: the server judges them as his.</summary>
/// <param name="Group">His, beside those that the server adds itself (<c>system:authenticated</c>).</param>
public sealed record ActingUser(string Name, string Group);
