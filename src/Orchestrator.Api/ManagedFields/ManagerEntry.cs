using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orchestrator.Api.ManagedFields;

/// <summary>Who a set of fields belongs to: a name, by which way of writing, in which version, through which subresource.</summary>
/// <param name="ApiVersion">Empty for an applier: it is the same one in every version.</param>
internal readonly record struct ManagerIdentity(string Manager, bool IsApplier, string ApiVersion, string Subresource);

/// <summary>One entry of <c>metadata.managedFields</c>.</summary>
/// <param name="Recorded">The fields as they were read, from which they are made when somebody asks for them: most writes concern few
/// of an object's managers. Null if they are known otherwise.</param>
internal sealed record ManagerEntry(
    string Manager, bool IsApplier, string ApiVersion, string Subresource, DateTimeOffset? Time, JsonObject? Recorded)
{
    private FieldSet? _fields;

    private const string Applies = "Apply";
    private const string Updates = "Update";
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss'Z'";

    public ManagerEntry(string manager, bool isApplier, string apiVersion, string subresource, DateTimeOffset? time, FieldSet fields)
        : this(manager, isApplier, apiVersion, subresource, time, (JsonObject?)null) => _fields = fields;

    public FieldSet Fields => _fields ??= FieldSet.Parse(Recorded);

    public ManagerIdentity Identity => new(Manager, IsApplier, IsApplier ? "" : ApiVersion, Subresource);

    public string Operation => IsApplier ? Applies : Updates;

    private long Seconds => Time?.ToUnixTimeSeconds() ?? 0;

    /// <exception cref="FormatException">It is no entry.</exception>
    public static ManagerEntry Parse(JsonNode? node)
    {
        var json = node as JsonObject ?? throw new FormatException("an entry of managed fields is no object");
        string operation = Text(json, "operation");
        if (operation is not (Applies or Updates))
            throw new FormatException("operation must be `Apply` or `Update`");
        string apiVersion = Text(json, "apiVersion");
        if (apiVersion.Length == 0)
            throw new FormatException("apiVersion must not be empty");
        if (Text(json, "fieldsType") != "FieldsV1")
            throw new FormatException($"invalid fieldsType {GoText.Quote(Text(json, "fieldsType"))}");
        var recorded = json["fieldsV1"] as JsonObject ?? [];
        FieldSet.Check(recorded);
        return new ManagerEntry(Text(json, "manager"), operation == Applies, apiVersion, Text(json, "subresource"),
            ReadTime(Text(json, "time")), recorded);
    }

    /// <summary>The same manager with other fields.</summary>
    public ManagerEntry With(FieldSet fields) => new(Manager, IsApplier, ApiVersion, Subresource, Time, fields);

    /// <summary>Without the given fields; the same entry if it has none of them.</summary>
    public ManagerEntry Without(FieldSet fields)
    {
        bool hasNone = _fields is null && Recorded is not null && !FieldSet.MayMeet(Recorded, fields);
        return hasNone ? this : With(Fields.Except(fields));
    }

    public JsonObject ToJson()
    {
        var json = new JsonObject
        {
            ["manager"] = Manager,
            ["operation"] = Operation,
            ["apiVersion"] = ApiVersion,
        };
        if (Time is { } time)
            json["time"] = time.ToUniversalTime().ToString(TimeFormat, CultureInfo.InvariantCulture);
        json["fieldsType"] = "FieldsV1";
        json["fieldsV1"] = _fields is null ? Recorded!.DeepClone() : _fields.ToJson();
        if (Subresource.Length > 0)
            json["subresource"] = Subresource;
        return json;
    }

    /// <summary>Nothing is owned; true only for what is known of it, so that asking costs nothing.</summary>
    public bool IsEmpty => _fields?.IsEmpty ?? Recorded!.Count == 0;

    /// <summary>Appliers first, then by age.</summary>
    public static int CompareForWriting(ManagerEntry a, ManagerEntry b)
    {
        if (a.IsApplier != b.IsApplier)
            return a.IsApplier ? -1 : 1;
        int order = a.Seconds.CompareTo(b.Seconds);
        if (order == 0)
            order = string.CompareOrdinal(a.Manager, b.Manager);
        if (order == 0)
            order = string.CompareOrdinal(a.ApiVersion, b.ApiVersion);
        return order != 0 ? order : string.CompareOrdinal(a.Subresource, b.Subresource);
    }

    /// <summary>As conflicts name it: <c>"kubectl" with subresource "scale" using apps/v1</c>.</summary>
    public override string ToString()
    {
        string name = GoText.Quote(Manager);
        if (Subresource.Length > 0)
            name += $" with subresource {GoText.Quote(Subresource)}";
        return IsApplier ? name : $"{name} using {ApiVersion}";
    }

    private static string Text(JsonObject json, string name) =>
        json[name] is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : "";

    private static DateTimeOffset? ReadTime(string text)
    {
        if (text.Length == 0)
            return null;
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time
            : throw new FormatException($"{text} is no time");
    }
}
