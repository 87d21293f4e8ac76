using System.Globalization;
using Microsoft.AspNetCore.Http;
using Orchestrator.Api;

namespace Orchestrator.Runtime.ApiServer.Requests;

/// <summary>Reads options from a query as Kubernetes does.</summary>
internal static class QueryOptions
{
    /// <summary>A flag that is there without a value, or with one that is not false, is set.</summary>
    public static bool IsTrue(string? value) => value switch
    {
        null or "" => false,
        _ when value.Equals("false", StringComparison.OrdinalIgnoreCase) || value == "0" => false,
        _ => true,
    };

    public static bool Flag(IQueryCollection query, string name) =>
        query.TryGetValue(name, out var value) && (value.ToString().Length == 0 || IsTrue(value.ToString()));

    public static string Text(IQueryCollection query, string name) =>
        query.TryGetValue(name, out var value) && value.Count > 0 ? value[0] ?? "" : "";

    public static long? Number(IQueryCollection query, string name)
    {
        string text = Text(query, name);
        if (text.Length == 0)
            return null;
        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
            ? number
            : throw ApiErrors.BadRequest($"strconv.ParseInt: parsing \"{text}\": invalid syntax");
    }
}
