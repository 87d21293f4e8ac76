using System.Security.Cryptography;
using System.Text;
using KvStore.Grpc;
using Orchestrator.Cri.Containerd.Diff;
using Orchestrator.Cri.Containerd.Snapshots;
using Orchestrator.Cri.Containerd.Types;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Images.Containerd;

namespace Orchestrator.Runtime.Kubelet.Images;

/// <summary>Unpacks an image's layers, one upon the other, into snapshots whose names say all that lies below them.</summary>
internal sealed class LayerUnpacker(ContainerdConnection containerd, string snapshotter, string path, string lease)
{
    /// <returns>The name of the topmost snapshot; empty for an image without layers.</returns>
    /// <exception cref="ImageArchiveException">A layer is not what the configuration says.</exception>
    public async Task<string> UnpackAsync(ArchivedImage image, CancellationToken ct)
    {
        string parent = "";
        for (int i = 0; i < image.Layers.Count; i++)
        {
            string name = NameOf(parent, image.LayerDigests[i]);
            if (!await IsThereAsync(name, ct))
                await UnpackAsync(image.Layers[i], image.LayerDigests[i], parent, name, ct);
            parent = name;
        }
        return parent;
    }

    /// <summary>The chain's hash: that of the names of what is below and of the layer itself.</summary>
    internal static string NameOf(string parent, string layerDigest) => parent.Length == 0
        ? layerDigest
        : "sha256:" + Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes($"{parent} {layerDigest}")));

    private async Task<bool> IsThereAsync(string name, CancellationToken ct)
    {
        var request = new StatSnapshotRequest { Snapshotter = snapshotter, Key = name };
        return await containerd.FindAsync(ContainerdMethods.SnapshotsStat, request, lease, ct) is not null;
    }

    private async Task UnpackAsync(ArchivedBlob layer, string digest, string parent, string name, CancellationToken ct)
    {
        string key = $"extract-{Guid.NewGuid():N} {name}";
        var mounts = (await containerd.CallAsync(
            ContainerdMethods.SnapshotsPrepare, new PrepareSnapshotRequest { Snapshotter = snapshotter, Key = key, Parent = parent }, lease, ct)).Mounts;
        try
        {
            var apply = new ApplyRequest
            {
                Diff = new ContentDescriptor { MediaType = layer.MediaType, Digest = layer.Digest, Size = layer.SizeBytes },
                Mounts = { mounts },
            };
            string found = (await ApplyAsync(apply, ct)).Applied.Digest;
            if (found != digest)
                throw new ImageArchiveException($"{path} is damaged: layer {layer.Digest} unpacks to {found} and not to {digest}");
            await containerd.CallAsync(
                ContainerdMethods.SnapshotsCommit, new CommitSnapshotRequest { Snapshotter = snapshotter, Name = name, Key = key }, lease, ct);
        }
        catch (CriException e) when (e.Code == StatusCode.AlreadyExists)
        {
            // Somebody else has unpacked the same.
            await RemoveAsync(key);
        }
        catch
        {
            await RemoveAsync(key);
            throw;
        }
    }

    private async Task<ApplyResponse> ApplyAsync(ApplyRequest request, CancellationToken ct)
    {
        try
        {
            return await containerd.CallAsync(ContainerdMethods.DiffApply, request, lease, ct);
        }
        catch (CriException e) when (e.Code is StatusCode.Unknown or StatusCode.InvalidArgument or StatusCode.Unimplemented)
        {
            throw new ImageArchiveException($"{path}: layer {request.Diff.Digest} cannot be unpacked: {e.Message}", e);
        }
    }

    private async Task RemoveAsync(string key)
    {
        try
        {
            await containerd.CallAsync(
                ContainerdMethods.SnapshotsRemove, new RemoveSnapshotRequest { Snapshotter = snapshotter, Key = key }, lease, CancellationToken.None);
        }
        catch (CriException)
        {
            // It goes with the lease.
        }
    }
}
