using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace Orchestrator.Runtime.Security.Certificates;

/// <summary>The parts of an X.500 name that identities are made of. Go writes several organizations as one multi-valued part,
/// which the framework's own enumeration refuses to read.</summary>
internal sealed record DistinguishedName(string CommonName, IReadOnlyList<string> Organizations)
{
    private const string CommonNameOid = "2.5.4.3";
    private const string OrganizationOid = "2.5.4.10";

    public static DistinguishedName Of(X500DistinguishedName name)
    {
        string commonName = "";
        var organizations = new List<string>();
        var parts = new AsnReader(name.RawData, AsnEncodingRules.BER).ReadSequence();
        while (parts.HasData)
        {
            var values = parts.ReadSetOf(skipSortOrderValidation: true);
            while (values.HasData)
            {
                var pair = values.ReadSequence();
                string oid = pair.ReadObjectIdentifier();
                string value = ReadText(pair);
                if (oid == CommonNameOid)
                    commonName = value;
                else if (oid == OrganizationOid)
                    organizations.Add(value);
            }
        }
        return new(commonName, organizations);
    }

    /// <summary>Each organization in a part of its own, the common name last.</summary>
    public X500DistinguishedName Encode()
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            foreach (string organization in Organizations)
                Write(writer, OrganizationOid, organization);
            Write(writer, CommonNameOid, CommonName);
        }
        return new(writer.Encode());
    }

    private static void Write(AsnWriter writer, string oid, string value)
    {
        using (writer.PushSetOf())
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(oid);
            writer.WriteCharacterString(UniversalTagNumber.UTF8String, value);
        }
    }

    private static string ReadText(AsnReader pair)
    {
        var tag = pair.PeekTag();
        if (tag.TagClass == TagClass.Universal && IsText((UniversalTagNumber)tag.TagValue))
            return pair.ReadCharacterString((UniversalTagNumber)tag.TagValue);
        pair.ReadEncodedValue();
        return "";
    }

    private static bool IsText(UniversalTagNumber tag) => tag is UniversalTagNumber.UTF8String or UniversalTagNumber.PrintableString
        or UniversalTagNumber.IA5String or UniversalTagNumber.BMPString or UniversalTagNumber.T61String
        or UniversalTagNumber.NumericString or UniversalTagNumber.VisibleString;
}
