namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>A file that is written into a volume; its path below the volume's root is the key of the map that it stands in.</summary>
/// <param name="Owner">A user; null: the kubelet's own.</param>
internal sealed record ProjectedFile(byte[] Content, UnixFileMode Mode, long? Owner = null);
