using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace Orchestrator.Api.Decoding;

/// <summary>Finds what a decoder would silently drop: fields that the schema does not know, and keys that stand twice.</summary>
/// <remarks>Names are compared with their case. What is kept as it came (embedded documents) is not looked into.</remarks>
public static class StrictDecoder
{
    /// <summary>More errors than these help nobody; the rest is not looked for.</summary>
    public const int ErrorsLimit = 100;

    /// <returns>In the order of the text and each once, as <c>unknown field "spec.replicaz"</c> or <c>duplicate field "spec.replicas"</c>.</returns>
    /// <exception cref="JsonException">The text is no JSON; the message is that of Go's decoder.</exception>
    public static IReadOnlyList<string> Check(ReadOnlySpan<byte> utf8, Schema schema) => new Walk(schema).Run(utf8);

    /// <summary>Only keys that stand twice, of a text without a schema: a patch.</summary>
    /// <exception cref="JsonException">The text is no JSON; the message is that of Go's decoder.</exception>
    public static IReadOnlyList<string> DuplicateFields(ReadOnlySpan<byte> utf8) => new Walk(null).Run(utf8);

    private sealed class Walk(Schema? root)
    {
        /// <summary>What the schemas answer to a question that is asked of every value.</summary>
        private static readonly ConditionalWeakTable<Schema, StrongBox<bool>> KeptAsTheyCame = [];

        private readonly List<string> _errors = [];
        private readonly StringBuilder _path = new();

        public IReadOnlyList<string> Run(ReadOnlySpan<byte> utf8)
        {
            string? error = SyntaxFault.Describe(utf8);
            if (error is not null)
                throw new JsonException(error);
            var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = KubernetesJson.DepthLimit + 1 });
            reader.Read();
            Visit(ref reader, root);
            return _errors;
        }

        private void Visit(ref Utf8JsonReader reader, Schema? schema)
        {
            // A map in a list's place has no fields that could be known: its type is what is wrong with it.
            bool isMisplaced = schema?.Items is not null && reader.TokenType == JsonTokenType.StartObject;
            if (_errors.Count >= ErrorsLimit || isMisplaced || (root is not null && (schema is null || IsKeptAsItCame(schema))))
                reader.Skip();
            else if (reader.TokenType == JsonTokenType.StartObject)
                VisitMap(ref reader, schema);
            else if (reader.TokenType == JsonTokenType.StartArray)
                VisitList(ref reader, schema?.Items);
        }

        private void VisitMap(ref Utf8JsonReader reader, Schema? schema)
        {
            int length = _path.Length;
            var seen = new HashSet<string>(StringComparer.Ordinal);
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                string key = JsonText.Text(ref reader);
                reader.Read();
                if (length > 0)
                    _path.Append('.');
                _path.Append(key);
                var child = ChildOf(schema, key);
                bool isUnknown = root is not null && child is null;
                if (isUnknown)
                    Report("unknown");
                else if (!seen.Add(key))
                    Report("duplicate");
                Visit(ref reader, child);
                _path.Length = length;
            }
        }

        private void VisitList(ref Utf8JsonReader reader, Schema? item)
        {
            int length = _path.Length;
            for (int index = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; index++)
            {
                _path.Append(CultureInfo.InvariantCulture, $"[{index}]");
                Visit(ref reader, item);
                _path.Length = length;
            }
        }

        private void Report(string kind)
        {
            string error = $"{kind} field {GoText.Quote(_path.ToString())}";
            if (_errors.Count < ErrorsLimit && !_errors.Contains(error))
                _errors.Add(error);
        }

        private static Schema? ChildOf(Schema? schema, string key) =>
            schema is null ? null : schema.Properties.TryGetValue(key, out var field) ? field : schema.AdditionalProperties;

        private static bool IsKeptAsItCame(Schema schema) => KeptAsTheyCame.GetValue(schema, KeepsAsItCame).Value;

        /// <summary>Scalars hold no fields; if a document puts a map there, its type is what is wrong with it.</summary>
        private static StrongBox<bool> KeepsAsItCame(Schema schema) => new(
            schema.PreservesUnknownFields ||
            (schema.Properties.Count == 0 && schema.AdditionalProperties is null && schema.Items is null));
    }
}
