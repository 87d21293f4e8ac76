namespace Orchestrator.Runtime.Kubelet.Images;

/// <summary>An image of an archive, for this machine.</summary>
/// <param name="Names">Whole names, <c>docker.io/library/busybox:1</c>; none for an image that has only its hash.</param>
/// <param name="Target">What names stand for: the manifest, or an index of manifests for several platforms.</param>
/// <param name="Manifest">The one for this machine.</param>
/// <param name="Layers">From the lowest upwards.</param>
/// <param name="LayerDigests">Of each layer without its compression.</param>
/// <param name="Indexes">What lies between <paramref name="Target"/> and <paramref name="Manifest"/>, the outermost first.</param>
internal sealed record ArchivedImage(
    IReadOnlyList<string> Names, ArchivedBlob Target, ArchivedBlob Manifest, ArchivedBlob Config, IReadOnlyList<ArchivedBlob> Layers,
    IReadOnlyList<string> LayerDigests, IReadOnlyList<ArchivedIndex> Indexes);

/// <summary>An index and what it names: blobs of other platforms may be missing.</summary>
internal sealed record ArchivedIndex(ArchivedBlob Blob, IReadOnlyList<string> ManifestDigests);
