namespace Orchestrator.Runtime.Kubelet.Images;

/// <summary>A blob of an image: its hash, and where it lies in the archive.</summary>
/// <param name="MediaType">As the manifest has it.</param>
/// <param name="Digest"><c>sha256:HEX</c></param>
/// <param name="Entry">The place in the archive; null for a blob that is made from what the archive says: see <paramref name="Bytes"/>.</param>
internal sealed record ArchivedBlob(string MediaType, string Digest, long SizeBytes, ArchiveEntry? Entry, byte[]? Bytes = null);

/// <summary>A file within a tar.</summary>
internal sealed record ArchiveEntry(string Name, long Offset, long SizeBytes);
