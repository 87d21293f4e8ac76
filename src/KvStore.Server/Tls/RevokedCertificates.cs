using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using KvStore.Server.Configuration;

namespace KvStore.Server.Tls;

/// <summary>The serial numbers of a revocation list (RFC 5280, 5.1), in a file that the operator vouches for.</summary>
/// <remarks>
/// As for etcd, the list's own signature and dates do not count, and a number is revoked whoever signed the certificate.
/// <code>
/// CertificateList = SEQUENCE { TBSCertList, ... }
/// TBSCertList     = SEQUENCE { [version INTEGER], signature SEQUENCE, issuer SEQUENCE, thisUpdate Time, [nextUpdate Time],
///                              [revokedCertificates SEQUENCE OF SEQUENCE { serial INTEGER, date Time, ... }], ... }
/// </code>
/// </remarks>
internal sealed class RevokedCertificates(string path, string flag)
{
    private const string PemLabel = "X509 CRL";

    private readonly WatchedFiles<HashSet<BigInteger>>? _serials =
        path.Length > 0 ? new WatchedFiles<HashSet<BigInteger>>([path], () => Read(path, flag)) : null;

    public bool Contains(X509Certificate2 certificate) =>
        _serials is not null
        && _serials.Current().Contains(new BigInteger(certificate.SerialNumberBytes.Span, isUnsigned: true, isBigEndian: true));

    private static HashSet<BigInteger> Read(string path, string flag)
    {
        try
        {
            return Parse(DerOf(File.ReadAllBytes(path)));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or AsnContentException or CryptographicException)
        {
            throw new ConfigurationException(
                $"cannot load the revocation list {GoSyntax.Quote(path)} ({flag}; a CRL as DER or PEM): {fault.Message}");
        }
    }

    private static byte[] DerOf(byte[] content)
    {
        var text = System.Text.Encoding.Latin1.GetString(content).AsSpan();
        if (!PemEncoding.TryFind(text, out var fields))
            return content;
        return text[fields.Label].SequenceEqual(PemLabel)
            ? Convert.FromBase64String(text[fields.Base64Data].ToString())
            : throw new CryptographicException($"It is a {text[fields.Label]}.");
    }

    private static HashSet<BigInteger> Parse(byte[] der)
    {
        var list = new AsnReader(der, AsnEncodingRules.DER).ReadSequence().ReadSequence();
        if (list.PeekTag() == Asn1Tag.Integer)
            list.ReadInteger();
        list.ReadSequence(); // Signature.
        list.ReadSequence(); // Issuer.
        list.ReadEncodedValue(); // This update.
        if (list.HasData && IsTime(list.PeekTag()))
            list.ReadEncodedValue(); // Next update.
        var serials = new HashSet<BigInteger>();
        if (!list.HasData || list.PeekTag() != Asn1Tag.Sequence)
            return serials;
        var revoked = list.ReadSequence();
        while (revoked.HasData)
            serials.Add(revoked.ReadSequence().ReadInteger());
        return serials;
    }

    private static bool IsTime(Asn1Tag tag) =>
        tag.HasSameClassAndValue(Asn1Tag.UtcTime) || tag.HasSameClassAndValue(Asn1Tag.GeneralizedTime);
}
