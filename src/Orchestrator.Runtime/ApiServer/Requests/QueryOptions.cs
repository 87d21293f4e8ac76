using System.Globalization;
using Microsoft.AspNetCore.Http;
using Orchestrator.Api;

namespace Orchestrator.Runtime.ApiServer.Requests;

/// <summary>Reads options from a query as Kubernetes does.</summary>
internal static class QueryOptions
{
    /// <summary>Of several values the first counts. A flag that is there without a value, or with one that is not false, is set.</summary>
    public static bool IsTrue(string? value) => value switch
    {
        null or "" => false,
        _ when value.Equals("false", StringComparison.OrdinalIgnoreCase) || value == "0" => false,
        _ => true,
    };

    public static bool Flag(IQueryCollection query, string name) =>
        query.TryGetValue(name, out var values) && (values[0] is not { Length: > 0 } value || IsTrue(value));

    public static string Text(IQueryCollection query, string name) =>
        query.TryGetValue(name, out var value) && value.Count > 0 ? value[0] ?? "" : "";

    public static long? Number(IQueryCollection query, string name)
    {
        string text = Text(query, name);
        if (text.Length == 0)
            return null;
        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
            ? number
            : throw ApiErrors.BadRequest($"strconv.ParseInt: parsing \"{text}\": {Fault(text.TrimStart('-', '+'))}");
    }

    /// <exception cref="ApiException">400.</exception>
    public static long Revision(string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong revision) && revision <= long.MaxValue
            ? (long)revision
            : throw ApiErrors.BadRequest($"Invalid value for resourceVersion: \"{text}\": strconv.ParseUint: parsing \"{text}\": {Fault(text)}");

    private static string Fault(string digits) =>
        digits.Length > 0 && digits.All(char.IsAsciiDigit) ? "value out of range" : "invalid syntax";
}
