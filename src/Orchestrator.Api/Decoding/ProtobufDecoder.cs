using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orchestrator.Api.Decoding;

/// <summary>Turns request bodies in Kubernetes' protobuf encoding into the JSON that says the same.</summary>
/// <remarks>
/// A body is an envelope: <c>6b 38 73 00</c>, then a message { 1: { 1: apiVersion, 2: kind }, 2: bytes of the object's message }.
/// </remarks>
public static class ProtobufDecoder
{
    private const string MetaPackage = "k8s.io.apimachinery.pkg.apis.meta.v1.";

    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static ReadOnlySpan<byte> Magic => "k8s\0"u8;

    public static bool IsEnvelope(ReadOnlySpan<byte> body) => body.StartsWith(Magic);

    /// <param name="envelope">The whole body.</param>
    /// <param name="kind">What the envelope says it holds.</param>
    /// <exception cref="ApiException">400: no envelope, a kind that is not known, bytes that are no message.</exception>
    public static byte[] ToJson(ReadOnlySpan<byte> envelope, out GroupVersionKind kind) => Write(DecodeEnvelope(envelope, 0, out kind));

    /// <param name="message">A message's full name: <c>k8s.io.api.core.v1.Pod</c>.</param>
    /// <param name="body">The message's bytes, without an envelope.</param>
    /// <exception cref="ApiException">400: no such message, bytes that are none.</exception>
    public static byte[] ToJson(string message, ReadOnlySpan<byte> body)
    {
        var plan = MessagePlan.Find(message) ?? throw ApiErrors.BadRequest($"no message {GoText.Quote(message)} is known");
        try
        {
            return Write(DecodeMessage(body, plan, 0) ?? new JsonObject());
        }
        catch (ProtobufFault fault)
        {
            throw ApiErrors.BadRequest(fault.Message);
        }
    }

    private static JsonObject DecodeEnvelope(ReadOnlySpan<byte> envelope, int depth, out GroupVersionKind kind)
    {
        if (!IsEnvelope(envelope))
            throw ApiErrors.BadRequest("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
        var (apiVersion, kindName, raw) = Open(envelope);
        kind = KindOf(apiVersion, kindName);
        string message = MessageOf(kind) ?? throw ApiErrors.BadRequest(
            $"no kind {GoText.Quote(kindName)} is registered for version {GoText.Quote(apiVersion)}");
        try
        {
            var document = new JsonObject { ["apiVersion"] = apiVersion, ["kind"] = kindName };
            Decode(raw, MessagePlan.Find(message)!, document, depth);
            return document;
        }
        catch (ProtobufFault fault)
        {
            throw ApiErrors.CannotBeHandled(kind, fault.Message);
        }
    }

    private static byte[] Write(JsonNode node) => Encoding.UTF8.GetBytes(node.ToJsonString(Plain));

    private static (string ApiVersion, string Kind, byte[] Raw) Open(ReadOnlySpan<byte> envelope)
    {
        try
        {
            string apiVersion = "";
            string kind = "";
            byte[] raw = [];
            var reader = new ProtobufReader(envelope[Magic.Length..]);
            while (!reader.IsAtEnd)
            {
                switch (reader.ReadTag())
                {
                    case (1, ProtobufReader.Delimited):
                        (apiVersion, kind) = ReadTypeMeta(reader.ReadBytes());
                        break;
                    case (2, ProtobufReader.Delimited):
                        raw = reader.ReadBytes().ToArray();
                        break;
                    case var (_, wireType):
                        reader.Skip(wireType);
                        break;
                }
            }
            return (apiVersion, kind, raw);
        }
        catch (ProtobufFault fault)
        {
            throw ApiErrors.BadRequest(fault.Message);
        }
    }

    private static (string ApiVersion, string Kind) ReadTypeMeta(ReadOnlySpan<byte> message)
    {
        string apiVersion = "";
        string kind = "";
        var reader = new ProtobufReader(message);
        while (!reader.IsAtEnd)
        {
            switch (reader.ReadTag())
            {
                case (1, ProtobufReader.Delimited):
                    apiVersion = Encoding.UTF8.GetString(reader.ReadBytes());
                    break;
                case (2, ProtobufReader.Delimited):
                    kind = Encoding.UTF8.GetString(reader.ReadBytes());
                    break;
                case var (_, wireType):
                    reader.Skip(wireType);
                    break;
            }
        }
        return (apiVersion, kind);
    }

    private static GroupVersionKind KindOf(string apiVersion, string kind)
    {
        int slash = apiVersion.IndexOf('/', StringComparison.Ordinal);
        return new GroupVersionKind(slash < 0 ? "" : apiVersion[..slash], apiVersion[(slash + 1)..], kind);
    }

    private static string? MessageOf(GroupVersionKind kind)
    {
        string? name = SchemaSet.Kubernetes.FindForKind(kind)?.Name;
        if (name is not null && MessagePlan.Find(MessagePlan.MessageOf(name)) is { } plan)
            return plan.Name;
        // Options are kinds of every group, and all the same.
        bool isOptions = kind.Kind.EndsWith("Options", StringComparison.Ordinal);
        return isOptions && MessagePlan.Find(MetaPackage + kind.Kind) is not null ? MetaPackage + kind.Kind : null;
    }

    /// <summary>A message as the JSON value that stands for it; null for a time or document that is not there.</summary>
    private static JsonNode? DecodeMessage(ReadOnlySpan<byte> bytes, MessagePlan plan, int depth)
    {
        if (depth > KubernetesJson.DepthLimit)
            throw new ProtobufFault("exceeded max depth");
        switch (plan.Name)
        {
            case "k8s.io.apimachinery.pkg.api.resource.Quantity":
                return JsonValue.Create(FirstText(bytes) is { Length: > 0 } quantity ? quantity : "0");
            case "k8s.io.apimachinery.pkg.util.intstr.IntOrString":
                return DecodeIntOrString(bytes);
            case MetaPackage + "Time" or MetaPackage + "Timestamp":
                return DecodeTime(bytes, "yyyy-MM-ddTHH:mm:ssZ", isExact: false);
            case MetaPackage + "MicroTime":
                return DecodeTime(bytes, "yyyy-MM-ddTHH:mm:ss.ffffffZ", isExact: true);
            case MetaPackage + "FieldsV1" or "k8s.io.apimachinery.pkg.runtime.RawExtension":
                return DecodeEmbedded(bytes, depth);
            case MetaPackage + "Verbs" or "k8s.io.api.authentication.v1.ExtraValue" or "k8s.io.api.authorization.v1.ExtraValue"
                or "k8s.io.api.certificates.v1.ExtraValue" or "k8s.io.api.authentication.v1.AttestationValue":
                return DecodeTexts(bytes);
            default:
                var map = new JsonObject();
                Decode(bytes, plan, map, depth);
                return map;
        }
    }

    private static void Decode(ReadOnlySpan<byte> bytes, MessagePlan plan, JsonObject target, int depth)
    {
        var reader = new ProtobufReader(bytes);
        while (!reader.IsAtEnd)
        {
            var (number, wireType) = reader.ReadTag();
            if (plan.Field(number) is { } field)
                DecodeField(ref reader, wireType, field, target, depth);
            else
                reader.Skip(wireType);
        }
    }

    private static void DecodeField(ref ProtobufReader reader, int wireType, FieldPlan field, JsonObject target, int depth)
    {
        if (field.Field.IsInlined)
        {
            Decode(ReadDelimited(ref reader, wireType, field), Plan(field), target, depth + 1);
            return;
        }
        switch (field.Field.Label)
        {
            case ProtobufLabel.Map:
                DecodeEntry(ReadDelimited(ref reader, wireType, field), field, Container(target, field.JsonName, () => new JsonObject()), depth);
                break;
            case ProtobufLabel.Repeated:
                DecodeItems(ref reader, wireType, field, Container(target, field.JsonName, () => new JsonArray()), depth);
                break;
            default:
                var value = DecodeValue(ref reader, wireType, field, depth);
                bool saysNothing = value is null || (field.Message is null && !field.KeepsZero && IsZero(value));
                if (saysNothing)
                    target.Remove(field.JsonName);
                else if (value is JsonObject more && target[field.JsonName] is JsonObject present)
                    MergeInto(present, more);
                else
                    target[field.JsonName] = value;
                break;
        }
    }

    private static JsonNode? DecodeValue(ref ProtobufReader reader, int wireType, FieldPlan field, int depth)
    {
        if (field.Message is not null)
            return DecodeMessage(ReadDelimited(ref reader, wireType, field), Plan(field), depth + 1);
        switch (field.Field.Type)
        {
            case "string":
                return JsonValue.Create(Encoding.UTF8.GetString(ReadDelimited(ref reader, wireType, field)));
            case "bytes":
                return JsonValue.Create(Convert.ToBase64String(ReadDelimited(ref reader, wireType, field)));
            case "double" when wireType == ProtobufReader.Fixed64:
                return JsonValue.Create(reader.ReadDouble());
            case "bool" or "int32" or "int64" when wireType == ProtobufReader.Varint:
                return DecodeNumber(reader.ReadVarint(), field.Field.Type);
            default:
                throw WrongWireType(wireType, field);
        }
    }

    private static JsonValue DecodeNumber(ulong varint, string type) => type switch
    {
        "bool" => JsonValue.Create(varint != 0),
        "int32" => JsonValue.Create(unchecked((int)varint)),
        _ => JsonValue.Create(unchecked((long)varint)),
    };

    private static void DecodeItems(ref ProtobufReader reader, int wireType, FieldPlan field, JsonArray items, int depth)
    {
        bool isPacked = wireType == ProtobufReader.Delimited && field.Field.Type is "bool" or "int32" or "int64";
        if (!isPacked)
        {
            items.Add(DecodeValue(ref reader, wireType, field, depth));
            return;
        }
        var packed = new ProtobufReader(reader.ReadBytes());
        while (!packed.IsAtEnd)
            items.Add(DecodeNumber(packed.ReadVarint(), field.Field.Type));
    }

    /// <summary>An entry is a message { 1: key, 2: value }; what is missing is empty.</summary>
    private static void DecodeEntry(ReadOnlySpan<byte> entry, FieldPlan field, JsonObject map, int depth)
    {
        string key = "";
        JsonNode? value = null;
        bool hasValue = false;
        var reader = new ProtobufReader(entry);
        while (!reader.IsAtEnd)
        {
            switch (reader.ReadTag())
            {
                case (1, ProtobufReader.Delimited):
                    key = Encoding.UTF8.GetString(reader.ReadBytes());
                    break;
                case (2, var wireType):
                    value = DecodeValue(ref reader, wireType, field, depth);
                    hasValue = true;
                    break;
                case var (_, wireType):
                    reader.Skip(wireType);
                    break;
            }
        }
        map[key] = hasValue ? value : EmptyValue(field, depth);
    }

    private static JsonNode? EmptyValue(FieldPlan field, int depth) => field.Message is not null
        ? DecodeMessage([], Plan(field), depth + 1)
        : field.Field.Type switch
        {
            "string" or "bytes" => JsonValue.Create(""),
            "double" => JsonValue.Create(0.0),
            _ => DecodeNumber(0, field.Field.Type),
        };

    private static JsonValue DecodeIntOrString(ReadOnlySpan<byte> bytes)
    {
        ulong type = 0;
        int number = 0;
        string text = "";
        var reader = new ProtobufReader(bytes);
        while (!reader.IsAtEnd)
        {
            switch (reader.ReadTag())
            {
                case (1, ProtobufReader.Varint):
                    type = reader.ReadVarint();
                    break;
                case (2, ProtobufReader.Varint):
                    number = unchecked((int)reader.ReadVarint());
                    break;
                case (3, ProtobufReader.Delimited):
                    text = Encoding.UTF8.GetString(reader.ReadBytes());
                    break;
                case var (_, wireType):
                    reader.Skip(wireType);
                    break;
            }
        }
        return type switch
        {
            0 => JsonValue.Create(number),
            1 => JsonValue.Create(text),
            _ => throw new ProtobufFault("impossible IntOrString.Type"),
        };
    }

    /// <summary>Without bytes, and at second zero, it is no time at all.</summary>
    private static JsonValue? DecodeTime(ReadOnlySpan<byte> bytes, string format, bool isExact)
    {
        long seconds = 0;
        int nanos = 0;
        var reader = new ProtobufReader(bytes);
        while (!reader.IsAtEnd)
        {
            switch (reader.ReadTag())
            {
                case (1, ProtobufReader.Varint):
                    seconds = unchecked((long)reader.ReadVarint());
                    break;
                case (2, ProtobufReader.Varint):
                    nanos = unchecked((int)reader.ReadVarint());
                    break;
                case var (_, wireType):
                    reader.Skip(wireType);
                    break;
            }
        }
        if (bytes.IsEmpty)
            return null;
        bool isInRange = seconds >= DateTimeOffset.MinValue.ToUnixTimeSeconds() && seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds();
        if (!isInRange || nanos is < 0 or > 999_999_999)
            throw new ProtobufFault("Time.MarshalJSON: year outside of range [0,9999]");
        var time = DateTimeOffset.FromUnixTimeSeconds(seconds);
        if (isExact)
            time = time.AddTicks(nanos / 100);
        return JsonValue.Create(time.ToString(format.Replace("T", "'T'", StringComparison.Ordinal), CultureInfo.InvariantCulture));
    }

    /// <summary>A document within the document: JSON, or an envelope again.</summary>
    private static JsonNode? DecodeEmbedded(ReadOnlySpan<byte> bytes, int depth)
    {
        ReadOnlySpan<byte> raw = [];
        var reader = new ProtobufReader(bytes);
        while (!reader.IsAtEnd)
        {
            var (number, wireType) = reader.ReadTag();
            if (number == 1 && wireType == ProtobufReader.Delimited)
                raw = reader.ReadBytes();
            else
                reader.Skip(wireType);
        }
        if (raw.IsEmpty)
            return null;
        if (depth > KubernetesJson.DepthLimit)
            throw new ProtobufFault("exceeded max depth");
        try
        {
            return IsEnvelope(raw) ? DecodeEnvelope(raw, depth + 1, out _) : JsonText.Parse(raw);
        }
        catch (JsonException malformed)
        {
            throw new ProtobufFault(malformed.Message);
        }
        catch (ApiException refused)
        {
            throw new ProtobufFault(refused.Message);
        }
    }

    private static JsonArray DecodeTexts(ReadOnlySpan<byte> bytes)
    {
        var texts = new JsonArray();
        var reader = new ProtobufReader(bytes);
        while (!reader.IsAtEnd)
        {
            var (number, wireType) = reader.ReadTag();
            if (number == 1 && wireType == ProtobufReader.Delimited)
                texts.Add(JsonValue.Create(Encoding.UTF8.GetString(reader.ReadBytes())));
            else
                reader.Skip(wireType);
        }
        return texts;
    }

    private static string? FirstText(ReadOnlySpan<byte> bytes) =>
        DecodeTexts(bytes) is [.., { } last] ? last.GetValue<string>() : null;

    /// <summary>A message that travels in two parts is one.</summary>
    private static void MergeInto(JsonObject present, JsonObject more)
    {
        foreach (var (key, value) in more.ToArray())
        {
            more.Remove(key);
            switch (present[key], value)
            {
                case (JsonObject inner, JsonObject innerMore):
                    MergeInto(inner, innerMore);
                    break;
                case (JsonArray list, JsonArray items):
                    foreach (var item in items.ToArray())
                    {
                        items.Remove(item);
                        list.Add(item);
                    }
                    break;
                default:
                    present[key] = value;
                    break;
            }
        }
    }

    private static T Container<T>(JsonObject target, string name, Func<T> make)
        where T : JsonNode
    {
        if (target[name] is T container)
            return container;
        container = make();
        target[name] = container;
        return container;
    }

    private static MessagePlan Plan(FieldPlan field) =>
        MessagePlan.Find(field.Message!) ?? throw new ProtobufFault($"no message {field.Message} is known");

    private static ReadOnlySpan<byte> ReadDelimited(ref ProtobufReader reader, int wireType, FieldPlan field) =>
        wireType == ProtobufReader.Delimited ? reader.ReadBytes() : throw WrongWireType(wireType, field);

    private static ProtobufFault WrongWireType(int wireType, FieldPlan field) =>
        new($"proto: wrong wireType = {wireType} for field {Capitalize(field.Field.JsonName)}");

    private static string Capitalize(string name) => name.Length == 0 ? name : char.ToUpperInvariant(name[0]) + name[1..];

    private static bool IsZero(JsonNode value) => value.GetValueKind() switch
    {
        JsonValueKind.String => value.GetValue<string>().Length == 0,
        JsonValueKind.False => true,
        JsonValueKind.Number => value.ToJsonString() is "0" or "-0",
        _ => false,
    };
}
