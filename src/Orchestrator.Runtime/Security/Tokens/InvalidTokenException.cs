namespace Orchestrator.Runtime.Security.Tokens;

/// <summary>A token that is no good, and why; the client of an ordinary request learns only that, a TokenReview tells why.</summary>
internal sealed class InvalidTokenException(string message) : Exception(message);
