using System.Text.Json;
using Orchestrator.Api;
using Orchestrator.Api.MetaV1;

namespace Orchestrator.Runtime.Client;

/// <summary>Reads the body of a list of any kind.</summary>
internal static class ListReader
{
    public static ObjectList<IKubernetesObject> Read(ObjectFormat format, GroupVersionKind kind, ReadOnlySpan<byte> utf8)
    {
        var items = new List<IKubernetesObject>();
        var metadata = new ListMeta();
        var reader = new Utf8JsonReader(utf8);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isMetadata = reader.ValueTextEquals("metadata"u8);
            bool isItems = reader.ValueTextEquals("items"u8);
            reader.Read();
            if (isMetadata)
                metadata = ListMeta.ReadFrom(ref reader);
            else if (isItems && reader.TokenType == JsonTokenType.StartArray)
                ReadItems(format, kind, utf8, ref reader, items);
            else
                reader.Skip();
        }
        return new ObjectList<IKubernetesObject>(
            items, metadata.ResourceVersion ?? "", metadata.Continue, metadata.RemainingItemCount);
    }

    private static void ReadItems(
        ObjectFormat format, GroupVersionKind kind, ReadOnlySpan<byte> utf8, ref Utf8JsonReader reader, List<IKubernetesObject> items)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            int start = (int)reader.TokenStartIndex;
            reader.Skip();
            items.Add(format.Read(kind, utf8[start..(int)reader.BytesConsumed]));
        }
    }
}
