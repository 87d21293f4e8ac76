using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Orchestrator.Api;

namespace Orchestrator.Runtime.ApiServer.Requests;

internal enum FieldValidation
{
    Ignore,
    Warn,
    Strict,
}

/// <summary>CreateOptions, UpdateOptions and PatchOptions: what they have in common comes in the query.</summary>
internal sealed record WriteOptions(bool IsDryRun, string FieldManager, FieldValidation FieldValidation, bool IsForced)
{
    private const int MaxFieldManagerLength = 128;

    /// <exception cref="ApiException">422 for what is not allowed.</exception>
    public static WriteOptions Read(HttpRequest request, string optionsKind)
    {
        var query = request.Query;
        var errors = new List<FieldError>();
        bool isDryRun = ReadDryRun(query["dryRun"].Where(value => value is not null).Select(value => value!), errors);
        string manager = QueryOptions.Text(query, "fieldManager");
        if (manager.Length > MaxFieldManagerLength)
            errors.Add(FieldError.TooLong(FieldPath.Root.Child("fieldManager"), manager, MaxFieldManagerLength));
        string validation = QueryOptions.Text(query, "fieldValidation");
        var fieldValidation = validation switch
        {
            "" or "Warn" => FieldValidation.Warn,
            "Ignore" => FieldValidation.Ignore,
            "Strict" => FieldValidation.Strict,
            _ => Unknown(validation),
        };
        if (errors.Count > 0)
            throw ApiErrors.Invalid(new GroupKind("meta.k8s.io", optionsKind), "", errors);
        return new WriteOptions(isDryRun, manager, fieldValidation, QueryOptions.Flag(query, "force"));

        FieldValidation Unknown(string value)
        {
            errors.Add(FieldError.NotSupported(FieldPath.Root.Child("fieldValidation"), value, ["", "Ignore", "Strict", "Warn"]));
            return FieldValidation.Warn;
        }
    }

    /// <summary>Only <c>All</c> is known.</summary>
    public static bool ReadDryRun(IEnumerable<string> values, List<FieldError> errors)
    {
        var unknown = values.Where(value => value.Length > 0 && value != "All").ToList();
        foreach (string value in unknown)
            errors.Add(FieldError.NotSupported(FieldPath.Root.Child("dryRun"), value, ["All"]));
        return values.Contains("All");
    }

    /// <summary>As admission plugins get them.</summary>
    public JsonElement ToJson(string kind)
    {
        var json = new JsonObject { ["kind"] = kind, ["apiVersion"] = "meta.k8s.io/v1" };
        if (IsDryRun)
            json["dryRun"] = new JsonArray("All");
        if (FieldManager.Length > 0)
            json["fieldManager"] = FieldManager;
        if (IsForced)
            json["force"] = true;
        return JsonSerializer.SerializeToElement(json);
    }
}
