using System.Buffers;
using System.Text.Json;
using Orchestrator.Api;

namespace Orchestrator.Runtime.Client;

/// <summary>How much of each object is asked for.</summary>
internal abstract class ObjectFormat
{
    public static ObjectFormat Whole { get; } = new WholeObjects();

    /// <summary>Whole objects without the record of their managers, which is as long as all the rest: nobody reads it from a cache, and
    /// a write without it leaves it as it is.</summary>
    public static ObjectFormat Unmanaged { get; } = new UnmanagedObjects();

    public static ObjectFormat Metadata { get; } = new MetadataObjects();

    public abstract string Accept { get; }

    public abstract string ListAccept { get; }

    public abstract IKubernetesObject Read(GroupVersionKind kind, ReadOnlySpan<byte> utf8);

    private class WholeObjects : ObjectFormat
    {
        public override string Accept => ApiRequest.Json;

        public override string ListAccept => ApiRequest.Json;

        // The items of a list do not say what they are; who writes one back must.
        public override IKubernetesObject Read(GroupVersionKind kind, ReadOnlySpan<byte> utf8)
        {
            var read = KubernetesJson.Deserialize(kind, utf8);
            read.ApiVersion ??= kind.ApiVersion;
            read.Kind ??= kind.Kind;
            return read;
        }
    }

    private sealed class UnmanagedObjects : WholeObjects
    {
        public override IKubernetesObject Read(GroupVersionKind kind, ReadOnlySpan<byte> utf8)
        {
            if (ManagersIn(utf8) is not { } managers)
                return base.Read(kind, utf8);
            byte[] buffer = ArrayPool<byte>.Shared.Rent(utf8.Length + "null"u8.Length);
            utf8[..managers.Start.Value].CopyTo(buffer);
            "null"u8.CopyTo(buffer.AsSpan(managers.Start.Value));
            int end = managers.Start.Value + "null"u8.Length;
            var rest = utf8[managers.End..];
            rest.CopyTo(buffer.AsSpan(end));
            try
            {
                return base.Read(kind, buffer.AsSpan(0, end + rest.Length));
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }

        /// <summary>Where the list of managers stands; null if there is none.</summary>
        private static Range? ManagersIn(ReadOnlySpan<byte> utf8)
        {
            var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = KubernetesJson.DepthLimit });
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isMetadata = reader.CurrentDepth == 1 && reader.ValueTextEquals("metadata"u8);
                bool isSought = reader.CurrentDepth == 2 && reader.ValueTextEquals("managedFields"u8);
                reader.Read();
                if (isMetadata && reader.TokenType == JsonTokenType.StartObject)
                    continue;
                int start = (int)reader.TokenStartIndex;
                reader.Skip();
                if (isSought && reader.TokenType == JsonTokenType.EndArray)
                    return start..(int)reader.BytesConsumed;
            }
            return null;
        }
    }

    private sealed class MetadataObjects : ObjectFormat
    {
        public override string Accept => ApiRequest.MetadataOnly;

        public override string ListAccept => ApiRequest.MetadataOnlyList;

        public override IKubernetesObject Read(GroupVersionKind kind, ReadOnlySpan<byte> utf8)
        {
            var read = MetadataObject.Read(kind, utf8);
            read.Metadata.ManagedFields = null;
            return read;
        }
    }
}
