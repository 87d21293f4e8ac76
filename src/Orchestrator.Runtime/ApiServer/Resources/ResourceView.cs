using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Api;
using Orchestrator.Api.Printing;
using Orchestrator.Api.Selectors;
using Orchestrator.Runtime.ApiServer.Caching;

namespace Orchestrator.Runtime.ApiServer.Resources;

/// <summary>A resource in one version that is served: <c>events.k8s.io/v1 events</c>.</summary>
internal sealed class ResourceView(
    ResourceDescription description, StoredResource? stored, IVersionConversion? conversion, TimeProvider clock)
{
    private readonly Lazy<TablePrinter> _printer = new(() => TablePrinter.For((stored?.Description ?? description)));
    private byte[]? _columns;

    public ResourceDescription Description => description;

    public GroupVersionKind Kind => description.Kind;

    public GroupResource GroupResource => new(description.Group, description.Plural);

    public GroupVersionResource Resource => new(description.Group, description.Version, description.Plural);

    /// <summary>Null for what is never stored: reviews, bindings, metrics.</summary>
    public StoredResource? Stored => stored;

    public bool IsStorageVersion => conversion is null;

    /// <summary>The object as this version has it, in the form that a client wants; for the table forms one row. Made anew: what many
    /// watch is kept by <see cref="StoredObject.Encoded"/>.</summary>
    public byte[] Encode(StoredObject value, ObjectForm form) => form switch
    {
        ObjectForm.Full => ToServed(value.Json),
        ObjectForm.PartialMetadata => PartialMetadata(value.Json),
        _ => Row(value, form, clock.GetUtcNow()),
    };

    /// <summary>JSON of the stored version to this one's.</summary>
    public byte[] ToServed(byte[] json) =>
        conversion is null ? json : JsonBytes.Of(conversion.ToServed(JsonBytes.ParseObject(json)));

    public byte[] ToStored(byte[] json) =>
        conversion is null ? json : JsonBytes.Of(conversion.ToStored(JsonBytes.ParseObject(json)));

    public JsonObject ToServed(JsonObject json) => conversion is null ? json : conversion.ToServed(json);

    /// <summary>A selector on fields of this version as one on the stored version's.</summary>
    public FieldSelector ToStored(FieldSelector fields) => conversion is null
        ? fields
        : FieldSelector.Parse(string.Join(
            ',', fields.Requirements.Select(term => term with { Field = conversion.ToStoredField(term.Field) })));

    /// <summary>The array of column definitions.</summary>
    public byte[] Columns => _columns ??= MakeColumns();

    /// <summary>One row: <c>{"cells":[...],"object":{...}}</c>.</summary>
    public byte[] Row(StoredObject value, ObjectForm form, DateTimeOffset now) => Row(value.Parse(), form switch
    {
        ObjectForm.TableWithoutObject => null,
        ObjectForm.TableWithObject => Encode(value, ObjectForm.Full),
        _ => Encode(value, ObjectForm.PartialMetadata),
    }, now);

    /// <summary>A row of what is made for the request.</summary>
    /// <param name="shown">What stands beside the cells; null for nothing.</param>
    public byte[] Row(IKubernetesObject value, byte[]? shown, DateTimeOffset now)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using var writer = new Utf8JsonWriter(buffer, JsonBytes.WriterOptions);
        writer.WriteStartObject();
        writer.WriteStartArray("cells");
        foreach (object? cell in _printer.Value.Cells(value, now))
            WriteCell(writer, cell);
        writer.WriteEndArray();
        if (shown is not null)
        {
            writer.WritePropertyName("object");
            writer.WriteRawValue(shown, skipInputValidation: true);
        }

        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteCell(Utf8JsonWriter writer, object? cell)
    {
        switch (cell)
        {
            case null: writer.WriteNullValue(); break;
            case string text: writer.WriteStringValue(text); break;
            case bool flag: writer.WriteBooleanValue(flag); break;
            case int number: writer.WriteNumberValue(number); break;
            case long number: writer.WriteNumberValue(number); break;
            case double number: writer.WriteNumberValue(number); break;
            default: writer.WriteStringValue(cell.ToString()); break;
        }
    }

    /// <summary>Of an object's JSON its metadata alone.</summary>
    public static byte[] PartialMetadata(byte[] json) =>
        [.. "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":"u8,
            .. JsonBytes.Property(json, "metadata"), (byte)'}'];

    private byte[] MakeColumns()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(buffer, JsonBytes.WriterOptions);
        writer.WriteStartArray();
        foreach (var column in _printer.Value.Columns)
        {
            writer.WriteStartObject();
            writer.WriteString("name", column.Name);
            writer.WriteString("type", column.Type);
            writer.WriteString("format", column.Format);
            writer.WriteString("description", column.Description);
            writer.WriteNumber("priority", column.Priority);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }
}
