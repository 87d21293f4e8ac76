using System.Collections.ObjectModel;
using System.Text;

namespace KvStore.Grpc;

/// <summary>Headers or trailers of a call, in order. Keys are lower case; a key that ends in "-bin" holds bytes.</summary>
public sealed class Metadata : Collection<Metadata.Entry>
{
    public const string BinaryHeaderSuffix = "-bin";

    public void Add(string key, string value) => Add(new Entry(key, value));

    public void Add(string key, byte[] value) => Add(new Entry(key, value));

    public Entry? Get(string key) => this.LastOrDefault(entry => entry.Key.Equals(key, StringComparison.OrdinalIgnoreCase));

    /// <returns>The last value under the key, or null.</returns>
    public string? GetValue(string key) => Get(key)?.Value;

    public byte[]? GetValueBytes(string key) => Get(key)?.ValueBytes;

    public IEnumerable<Entry> GetAll(string key) =>
        this.Where(entry => entry.Key.Equals(key, StringComparison.OrdinalIgnoreCase));

    /// <summary>One header. A text value holds printable ASCII only: HTTP/2 carries nothing else.</summary>
    public sealed class Entry
    {
        private readonly string? _text;
        private readonly byte[]? _bytes;

        public Entry(string key, string value)
        {
            Key = Normalize(key);
            if (IsBinary)
                throw new ArgumentException($"the metadata key \"{key}\" ends in -bin: give its value as bytes", nameof(key));
            if (value.AsSpan().ContainsAnyExceptInRange(' ', '~'))
                throw new ArgumentException(
                    $"the value of the metadata key \"{key}\" is no printable ASCII: use a key that ends in -bin", nameof(value));
            _text = value;
        }

        public Entry(string key, byte[] value)
        {
            Key = Normalize(key);
            if (!IsBinary)
                throw new ArgumentException($"the metadata key \"{key}\" must end in -bin to hold bytes", nameof(key));
            _bytes = value;
        }

        private Entry(string key, string? text, byte[]? bytes)
        {
            Key = key;
            _text = text;
            _bytes = bytes;
        }

        public string Key { get; }

        public bool IsBinary => Key.EndsWith(BinaryHeaderSuffix, StringComparison.Ordinal);

        public string Value =>
            _text ?? throw new InvalidOperationException($"the metadata entry \"{Key}\" is binary: read its ValueBytes");

        public byte[] ValueBytes => _bytes ?? Encoding.ASCII.GetBytes(_text!);

        public override string ToString() => $"[Entry: key={Key}, {(IsBinary ? $"{_bytes!.Length} bytes" : $"value={_text}")}]";

        /// <summary>What came over the wire is taken as it is: the other side's odd header is no reason to fail.</summary>
        internal static Entry Received(string key, string value) => new(key.ToLowerInvariant(), value, null);

        internal static Entry Received(string key, byte[] value) => new(key.ToLowerInvariant(), null, value);

        private static string Normalize(string key)
        {
            ArgumentException.ThrowIfNullOrEmpty(key);
            var normalized = key.ToLowerInvariant();
            foreach (var c in normalized)
            {
                if (!char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c is not ('-' or '_' or '.'))
                    throw new ArgumentException(
                        $"the metadata key \"{key}\" may hold only letters, digits, '-', '_' and '.'", nameof(key));
            }

            return normalized;
        }
    }
}
