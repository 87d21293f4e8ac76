using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orchestrator.Api.Tests.Decoding;

/// <summary>Writes JSON as Kubernetes' clients write it in protobuf, from the table of messages: the other way round than the decoder.</summary>
internal static class ProtobufWriter
{
    private const string Meta = "k8s.io.apimachinery.pkg.apis.meta.v1.";

    public static byte[] Envelope(string apiVersion, string kind, byte[] raw)
    {
        byte[] typeMeta = [.. Delimited(1, Encoding.UTF8.GetBytes(apiVersion)), .. Delimited(2, Encoding.UTF8.GetBytes(kind))];
        return [.. "k8s\0"u8, .. Delimited(1, typeMeta), .. Delimited(2, raw), .. Delimited(3, []), .. Delimited(4, [])];
    }

    public static byte[] Message(string name, JsonNode? value)
    {
        switch (name)
        {
            case "k8s.io.apimachinery.pkg.api.resource.Quantity":
                return Delimited(1, Encoding.UTF8.GetBytes((string)value!));
            case "k8s.io.apimachinery.pkg.util.intstr.IntOrString":
                return value!.GetValueKind() == JsonValueKind.Number
                    ? [.. Number(1, 0), .. Number(2, (long)value), .. Delimited(3, [])]
                    : [.. Number(1, 1), .. Number(2, 0), .. Delimited(3, Encoding.UTF8.GetBytes((string)value!))];
            case Meta + "Time" or Meta + "MicroTime":
                var time = DateTimeOffset.Parse((string)value!, System.Globalization.CultureInfo.InvariantCulture);
                return [.. Number(1, time.ToUnixTimeSeconds()), .. Number(2, time.Ticks % TimeSpan.TicksPerSecond * 100)];
            case "k8s.io.apimachinery.pkg.runtime.RawExtension" or Meta + "FieldsV1":
                return Delimited(1, Encoding.UTF8.GetBytes(value!.ToJsonString()));
            case var wrapper when wrapper.EndsWith(".ExtraValue", StringComparison.Ordinal):
                return [.. value!.AsArray().SelectMany(text => Delimited(1, Encoding.UTF8.GetBytes((string)text!)))];
        }
        var message = ProtobufMessage.Find(name)!;
        return [.. message.Fields.OrderBy(field => field.Number).SelectMany(field => Field(field, value!.AsObject()))];
    }

    private static IEnumerable<byte> Field(ProtobufField field, JsonObject owner)
    {
        if (field.IsInlined)
            return Delimited(field.Number, Message(field.Type, owner));
        var value = owner.FirstOrDefault(member => string.Equals(member.Key, field.JsonName, StringComparison.OrdinalIgnoreCase)).Value;
        return (field.Label, value) switch
        {
            (_, null) => [],
            (ProtobufLabel.Map, JsonObject map) => map.SelectMany(entry =>
                Delimited(field.Number, [.. Delimited(1, Encoding.UTF8.GetBytes(entry.Key)), .. Single(2, field.Type, entry.Value!)])),
            (ProtobufLabel.Repeated, JsonArray list) => list.SelectMany(item => Single(field.Number, field.Type, item!)),
            _ => Single(field.Number, field.Type, value),
        };
    }

    private static byte[] Single(int number, string type, JsonNode value) => type switch
    {
        "string" => Delimited(number, Encoding.UTF8.GetBytes((string)value!)),
        "bytes" => Delimited(number, Convert.FromBase64String((string)value!)),
        "bool" => Number(number, (bool)value ? 1 : 0),
        "int32" or "int64" => Number(number, (long)value),
        _ => Delimited(number, Message(type, value)),
    };

    public static byte[] Number(int number, long value) => [.. Varint((ulong)number << 3), .. Varint(unchecked((ulong)value))];

    public static byte[] Delimited(int number, byte[] bytes) => [.. Varint(((ulong)number << 3) | 2), .. Varint((ulong)bytes.Length), .. bytes];

    private static List<byte> Varint(ulong value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return bytes;
    }
}
