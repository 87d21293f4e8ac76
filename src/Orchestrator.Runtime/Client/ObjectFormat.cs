using Orchestrator.Api;

namespace Orchestrator.Runtime.Client;

/// <summary>How much of each object is asked for.</summary>
internal abstract class ObjectFormat
{
    public static ObjectFormat Whole { get; } = new WholeObjects();

    public static ObjectFormat Metadata { get; } = new MetadataObjects();

    public abstract string Accept { get; }

    public abstract string ListAccept { get; }

    public abstract IKubernetesObject Read(GroupVersionKind kind, ReadOnlySpan<byte> utf8);

    private sealed class WholeObjects : ObjectFormat
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

    private sealed class MetadataObjects : ObjectFormat
    {
        public override string Accept => ApiRequest.MetadataOnly;

        public override string ListAccept => ApiRequest.MetadataOnlyList;

        public override IKubernetesObject Read(GroupVersionKind kind, ReadOnlySpan<byte> utf8) =>
            MetadataObject.Read(kind, utf8);
    }
}
