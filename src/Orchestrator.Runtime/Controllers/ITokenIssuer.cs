using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Controllers;

/// <summary>Holds the key that signs service accounts' tokens.</summary>
public interface ITokenIssuer
{
    /// <summary>A token without an end for the account that the secret's annotations name, good while the secret holds it.</summary>
    string Issue(Secret secret);
}
