using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;

namespace Orchestrator.Runtime.Security.Tokens;

/// <summary>A key that signs or checks tokens: RSA as RS256, P-256 as ES256. Its id is the hash of its public half.</summary>
internal sealed class SigningKey
{
    private readonly RSA? _rsa;
    private readonly ECDsa? _ecdsa;

    public SigningKey(RSA key)
    {
        _rsa = key;
        Algorithm = "RS256";
        Id = IdOf(key.ExportSubjectPublicKeyInfo());
    }

    public SigningKey(ECDsa key)
    {
        if (key.KeySize != 256)
            throw new CryptographicException("Tokens are signed with keys on the curve P-256 only.");
        _ecdsa = key;
        Algorithm = "ES256";
        Id = IdOf(key.ExportSubjectPublicKeyInfo());
    }

    public string Algorithm { get; }

    public string Id { get; }

    public byte[] Sign(ReadOnlySpan<byte> data)
    {
        // Neither class promises to be safe for several threads.
        lock (this)
        {
            return _rsa is not null
                ? _rsa.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
                : _ecdsa!.SignData(data, HashAlgorithmName.SHA256);
        }
    }

    public bool IsSignatureOf(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        lock (this)
        {
            return _rsa is not null
                ? _rsa.VerifyData(data, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
                : _ecdsa!.VerifyData(data, signature, HashAlgorithmName.SHA256);
        }
    }

    /// <summary>The public half as a JSON Web Key.</summary>
    public void WriteJwk(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("use", "sig");
        writer.WriteString("kty", _rsa is not null ? "RSA" : "EC");
        writer.WriteString("kid", Id);
        if (_ecdsa is not null)
            writer.WriteString("crv", "P-256");
        writer.WriteString("alg", Algorithm);
        if (_rsa is not null)
            WriteRsa(writer, _rsa.ExportParameters(includePrivateParameters: false));
        else
            WritePoint(writer, _ecdsa!.ExportParameters(includePrivateParameters: false).Q);
        writer.WriteEndObject();
    }

    private static void WriteRsa(Utf8JsonWriter writer, RSAParameters key)
    {
        writer.WriteString("n", Base64Url.EncodeToString(key.Modulus));
        writer.WriteString("e", Base64Url.EncodeToString(key.Exponent));
    }

    private static void WritePoint(Utf8JsonWriter writer, ECPoint point)
    {
        writer.WriteString("x", Base64Url.EncodeToString(point.X));
        writer.WriteString("y", Base64Url.EncodeToString(point.Y));
    }

    private static string IdOf(byte[] publicKey) => Base64Url.EncodeToString(SHA256.HashData(publicKey));
}
