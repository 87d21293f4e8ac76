using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Orchestrator.Runtime.ApiServer.Requests;

/// <summary>YAML to JSON as Kubernetes reads it: YAML 1.1 booleans in plain scalars, duplicate keys refused.</summary>
internal static class YamlText
{
    private const int MaxDepth = 100;

    /// <summary>Aliases may not blow a small document up beyond this many nodes.</summary>
    private const int MaxNodes = 400_000;

    /// <summary>The first document alone.</summary>
    /// <exception cref="JsonException">It is no YAML.</exception>
    public static byte[] ToJson(ReadOnlySpan<byte> yaml) =>
        Documents(Encoding.UTF8.GetString(yaml)).FirstOrDefault() is { } node ? Resources.JsonBytes.Of(node) : "null"u8.ToArray();

    /// <summary>One after another; those that say nothing are null.</summary>
    /// <exception cref="JsonException">It is no YAML.</exception>
    public static IEnumerable<JsonNode?> Documents(string yaml)
    {
        using var text = new StringReader(yaml);
        var parser = new Parser(text);
        Try(parser.Consume<StreamStart>);
        while (!Try(() => parser.Accept<StreamEnd>(out _)))
        {
            yield return Try(() =>
            {
                parser.Consume<DocumentStart>();
                var node = new Reading().Read(parser, 0);
                parser.Consume<DocumentEnd>();
                return node;
            });
        }
    }

    private static T Try<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (YamlException exception)
        {
            throw new JsonException($"yaml: line {exception.Start.Line}: {exception.Message}", exception);
        }
    }

    private sealed class Reading
    {
        private readonly Dictionary<string, JsonNode?> _anchors = new(StringComparer.Ordinal);
        private int _count;

        public JsonNode? Read(IParser parser, int depth)
        {
            if (depth > MaxDepth || ++_count > MaxNodes)
                throw new JsonException("yaml: document is nested too deeply or too large");
            if (parser.TryConsume<AnchorAlias>(out var alias))
            {
                var known = _anchors.TryGetValue(alias.Value.Value, out var value)
                    ? value
                    : throw new JsonException($"yaml: unknown anchor '{alias.Value}' referenced");
                _count += CountOf(known);
                return known?.DeepClone();
            }

            var node = parser.Current as NodeEvent;
            var result = Value(parser, depth);
            if (node is { Anchor.IsEmpty: false })
                _anchors[node.Anchor.Value] = result?.DeepClone();
            return result;
        }

        private static int CountOf(JsonNode? node) => node switch
        {
            JsonObject map => 1 + map.Sum(property => CountOf(property.Value)),
            JsonArray list => 1 + list.Sum(CountOf),
            _ => 1,
        };

        private JsonNode? Value(IParser parser, int depth)
        {
            if (parser.TryConsume<MappingStart>(out _))
                return Mapping(parser, depth);
            if (parser.TryConsume<SequenceStart>(out _))
            {
                var list = new JsonArray();
                while (!parser.TryConsume<SequenceEnd>(out _))
                    list.Add(Read(parser, depth + 1));
                return list;
            }

            return ScalarOf(parser.Consume<Scalar>());
        }

        private JsonObject Mapping(IParser parser, int depth)
        {
            var map = new JsonObject();
            while (!parser.TryConsume<MappingEnd>(out _))
            {
                var key = Read(parser, depth + 1);
                string name = key is JsonValue value
                    ? value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value.ToJsonString()
                    : key is null ? "null" : throw new JsonException("yaml: invalid map key");
                var item = Read(parser, depth + 1);
                if (name == "<<" && item is JsonObject merged)
                    Merge(map, merged);
                else if (!map.TryAdd(name, item))
                    throw new JsonException($"yaml: unmarshal errors:\n  key \"{name}\" already set in map");
            }

            return map;
        }

        private static void Merge(JsonObject map, JsonObject merged)
        {
            foreach (var (name, value) in merged)
                map.TryAdd(name, value?.DeepClone());
        }

        private static JsonNode? ScalarOf(Scalar scalar)
        {
            if (scalar.Style != ScalarStyle.Plain || scalar.Tag == "tag:yaml.org,2002:str" || scalar.Tag == "!")
                return JsonValue.Create(scalar.Value);
            switch (scalar.Value)
            {
                case "" or "~" or "null" or "Null" or "NULL":
                    return null;
                case "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON":
                    return JsonValue.Create(true);
                case "false" or "False" or "FALSE" or "no" or "No" or "NO" or "off" or "Off" or "OFF":
                    return JsonValue.Create(false);
            }

            return NumberOf(scalar.Value) ?? JsonValue.Create(scalar.Value);
        }

        private static JsonNode? NumberOf(string text)
        {
            if (!(char.IsAsciiDigit(text[0]) || (text[0] is '-' or '+' or '.' && text.Length > 1)))
                return null;
            string plain = text.Replace("_", "", StringComparison.Ordinal);
            if (long.TryParse(plain, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number))
            {
                // A leading zero means octal in YAML 1.1.
                string digits = plain.TrimStart('+', '-');
                return digits.Length > 1 && digits[0] == '0' ? Octal(plain, digits[1..]) : JsonValue.Create(number);
            }

            if (plain.StartsWith("0x", StringComparison.Ordinal)
                && long.TryParse(plain.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long hex))
                return JsonValue.Create(hex);
            if (plain.StartsWith("0o", StringComparison.Ordinal))
                return Octal(plain, plain[2..]);
            return double.TryParse(
                plain, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
                CultureInfo.InvariantCulture, out double real) && double.IsFinite(real)
                ? JsonNode.Parse(JsonSerializer.Serialize(real))
                : null;
        }

        private static JsonNode? Octal(string text, string digits)
        {
            if (digits.Length == 0 || digits.Length > 20 || digits.Any(digit => digit is < '0' or > '7'))
                return null;
            long value = digits.Aggregate(0L, (sum, digit) => sum * 8 + (digit - '0'));
            return JsonValue.Create(text[0] == '-' ? -value : value);
        }
    }
}
