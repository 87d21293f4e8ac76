using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orchestrator.Api.Patches;

/// <summary>Compares JSON values by what they mean: members in any order, numbers by their value however they are written.</summary>
internal static class JsonEquality
{
    public static bool AreEqual(JsonNode? a, JsonNode? b)
    {
        if (ReferenceEquals(a, b))
            return true;
        if (a is null || b is null)
            return false;
        return (a, b) switch
        {
            (JsonObject left, JsonObject right) => AreEqual(left, right),
            (JsonArray left, JsonArray right) => AreEqual(left, right),
            (JsonValue left, JsonValue right) => AreScalarsEqual(left, right),
            _ => false,
        };
    }

    private static bool AreEqual(JsonObject a, JsonObject b)
    {
        if (a.Count != b.Count)
            return false;
        foreach (var (key, value) in a)
        {
            if (!b.TryGetPropertyValue(key, out var other) || !AreEqual(value, other))
                return false;
        }
        return true;
    }

    private static bool AreEqual(JsonArray a, JsonArray b)
    {
        if (a.Count != b.Count)
            return false;
        for (int i = 0; i < a.Count; i++)
        {
            if (!AreEqual(a[i], b[i]))
                return false;
        }
        return true;
    }

    private static bool AreScalarsEqual(JsonValue a, JsonValue b)
    {
        var kind = a.GetValueKind();
        if (kind != b.GetValueKind())
            return false;
        bool haveBothText = a.TryGetValue(out JsonElement left) & b.TryGetValue(out JsonElement right);
        if (haveBothText && JsonMarshal.GetRawUtf8Value(left).SequenceEqual(JsonMarshal.GetRawUtf8Value(right)))
            return true;
        return kind switch
        {
            JsonValueKind.String => a.GetValue<string>() == b.GetValue<string>(),
            JsonValueKind.Number => AreNumbersEqual(a.ToJsonString(), b.ToJsonString()),
            _ => true,
        };
    }

    private static bool AreNumbersEqual(string a, string b) => a == b || Normalize(a) == Normalize(b);

    /// <summary>The digits without zeros at their end, and the power of ten that belongs to them.</summary>
    private static (BigInteger Mantissa, BigInteger Exponent) Normalize(string number)
    {
        int e = number.AsSpan().IndexOfAny('e', 'E');
        var exponent = e < 0 ? BigInteger.Zero : BigInteger.Parse(number.AsSpan(e + 1), NumberStyles.AllowLeadingSign,
            CultureInfo.InvariantCulture);
        string digits = e < 0 ? number : number[..e];
        int point = digits.IndexOf('.', StringComparison.Ordinal);
        if (point >= 0)
        {
            exponent -= digits.Length - point - 1;
            digits = digits.Remove(point, 1);
        }
        string significant = digits.TrimEnd('0');
        if (significant is "" or "-" || significant.TrimStart('-').All(c => c == '0'))
            return default;
        return (BigInteger.Parse(significant, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture),
            exponent + digits.Length - significant.Length);
    }
}
