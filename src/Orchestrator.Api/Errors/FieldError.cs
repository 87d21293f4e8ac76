using System.Globalization;
using System.Text.Json.Nodes;

namespace Orchestrator.Api;

/// <summary>One reason why an object is refused, in Kubernetes' wording:
/// <c>spec.replicas: Invalid value: -1: must be greater than or equal to 0</c>.</summary>
public sealed record FieldError(FieldErrorType Type, string Field, object? BadValue, string Detail)
{
    /// <summary>Stands for a value that the message does not show.</summary>
    internal static readonly object Omitted = new();

    public static FieldError Required(FieldPath field, string detail = "") => new(FieldErrorType.FieldValueRequired, field.ToString(), "", detail);

    public static FieldError Invalid(FieldPath field, object? value, string detail) =>
        new(FieldErrorType.FieldValueInvalid, field.ToString(), value, detail);

    /// <summary>Names the values that would do, in the order of their names.</summary>
    public static FieldError NotSupported(FieldPath field, object? value, IEnumerable<string> supported)
    {
        string names = string.Join(", ", supported.Order(StringComparer.Ordinal).Select(GoText.Quote));
        return new FieldError(
            FieldErrorType.FieldValueNotSupported, field.ToString(), value, names.Length == 0 ? "" : "supported values: " + names);
    }

    public static FieldError Duplicate(FieldPath field, object? value) => new(FieldErrorType.FieldValueDuplicate, field.ToString(), value, "");

    public static FieldError Forbidden(FieldPath field, string detail) => new(FieldErrorType.FieldValueForbidden, field.ToString(), "", detail);

    /// <param name="maximumBytes">Below zero: unknown.</param>
    public static FieldError TooLong(FieldPath field, object? value, int maximumBytes) => new(
        FieldErrorType.FieldValueTooLong, field.ToString(), value,
        maximumBytes < 0 ? "value is too long" : string.Create(CultureInfo.InvariantCulture, $"may not be more than {maximumBytes} bytes"));

    /// <param name="actual">Below zero: not said.</param>
    /// <param name="maximum">Below zero: unknown.</param>
    public static FieldError TooMany(FieldPath field, int actual, int maximum)
    {
        string items = maximum == 1 ? "item" : "items";
        return new FieldError(
            FieldErrorType.FieldValueTooMany, field.ToString(), actual < 0 ? Omitted : actual,
            maximum < 0 ? "has too many items" : string.Create(CultureInfo.InvariantCulture, $"must have at most {maximum} {items}"));
    }

    public static FieldError NotFound(FieldPath field, object? value) => new(FieldErrorType.FieldValueNotFound, field.ToString(), value, "");

    public static FieldError TypeInvalid(FieldPath field, object? value, string detail) =>
        new(FieldErrorType.FieldValueTypeInvalid, field.ToString(), value, detail);

    public static FieldError InternalError(FieldPath field, string detail) => new(FieldErrorType.InternalError, field.ToString(), null, detail);

    /// <summary>The message without the field, as a Status's causes have it.</summary>
    public string Body
    {
        get
        {
            string body = ShowsValue ? $"{Title}: {Show(BadValue)}" : Title;
            return Detail.Length == 0 ? body : $"{body}: {Detail}";
        }
    }

    public override string ToString() => $"{Field}: {Body}";

    /// <summary>All messages as one text: as it is, or in brackets where there are several; a message is said once.</summary>
    public static string Join(IEnumerable<FieldError> errors)
    {
        string[] messages = [.. errors.Select(error => error.ToString()).Distinct()];
        return messages.Length == 1 ? messages[0] : $"[{string.Join(", ", messages)}]";
    }

    private string Title => Type switch
    {
        FieldErrorType.FieldValueNotFound => "Not found",
        FieldErrorType.FieldValueRequired => "Required value",
        FieldErrorType.FieldValueDuplicate => "Duplicate value",
        FieldErrorType.FieldValueNotSupported => "Unsupported value",
        FieldErrorType.FieldValueForbidden => "Forbidden",
        FieldErrorType.FieldValueTooLong => "Too long",
        FieldErrorType.FieldValueTooMany => "Too many",
        FieldErrorType.InternalError => "Internal error",
        _ => "Invalid value",
    };

    private bool ShowsValue => BadValue != Omitted && Type is not (FieldErrorType.FieldValueRequired or FieldErrorType.FieldValueForbidden
        or FieldErrorType.FieldValueTooLong or FieldErrorType.InternalError);

    private static string Show(object? value) => value switch
    {
        null => "null",
        string text => GoText.Quote(text),
        bool isTrue => isTrue ? "true" : "false",
        IKubernetesValue document => System.Text.Encoding.UTF8.GetString(KubernetesJson.Serialize(document)),
        JsonNode node => node.ToJsonString(),
        IntOrString { IsInt: false } text => GoText.Quote(text.StringValue),
        Quantity quantity => GoText.Quote(quantity.ToString()),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}
