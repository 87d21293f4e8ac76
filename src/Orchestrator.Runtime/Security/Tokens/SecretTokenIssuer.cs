using System.Security.Cryptography;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Control.ServiceAccounts;
using Orchestrator.Runtime.Controllers;
using Orchestrator.Runtime.Security.Certificates;

namespace Orchestrator.Runtime.Security.Tokens;

/// <summary>Signs the tokens in service accounts' secrets with the cluster's key.</summary>
public sealed class SecretTokenIssuer : ITokenIssuer, IDisposable
{
    // A key of its own: the API server uses the other one at the same time, and no key is safe for two.
    private readonly RSA _rsa;
    private readonly SigningKey _key;

    public SecretTokenIssuer(ClusterCertificates certificates)
    {
        _rsa = RSA.Create(certificates.ServiceAccountKey.ExportParameters(includePrivateParameters: true));
        _key = new SigningKey(_rsa);
    }

    public void Dispose() => _rsa.Dispose();

    public string Issue(Secret secret)
    {
        var account = new BoundObject(
            secret.Annotations[TokenSecretController.AccountNameAnnotation], secret.Annotations[TokenSecretController.AccountUidAnnotation]);
        return Jwt.Sign(_key, new LegacyTokenClaims(secret.Namespace, account, secret.Name).WriteTo);
    }
}
