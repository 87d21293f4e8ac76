using System.Security.Cryptography;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using KvStore.Grpc;
using Orchestrator.Cri.Containerd.Content;
using Orchestrator.Cri.Containerd.Leases;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Images.Containerd;

namespace Orchestrator.Runtime.Kubelet.Images;

/// <summary>Writes an archive's blobs into containerd's store, each checked against its hash.</summary>
internal sealed class BlobWriter(ContainerdConnection containerd, TarFile tar, string path, string lease)
{
    private const int PieceBytes = 1 << 20;

    /// <param name="labels">Also set where the blob is there already.</param>
    /// <exception cref="ImageArchiveException">The blob is not what its hash says.</exception>
    public async Task WriteAsync(ArchivedBlob blob, IReadOnlyList<KeyValuePair<string, string>> labels, CancellationToken ct)
    {
        // Held before it is looked for: what is there stays there.
        await containerd.CallAsync(
            ContainerdMethods.LeasesAddResource,
            new AddResourceRequest { Id = lease, Resource = new Resource { Id = blob.Digest, Type = "content" } }, lease, ct);
        if (await containerd.FindAsync(ContainerdMethods.ContentInfo, new InfoRequest { Digest = blob.Digest }, lease, ct) is null
            && await TryStreamAsync(blob, labels, ct))
        {
            return;
        }
        await LabelAsync(blob.Digest, labels, ct);
    }

    public async Task LabelAsync(string digest, IReadOnlyList<KeyValuePair<string, string>> labels, CancellationToken ct)
    {
        if (labels.Count == 0)
            return;
        var request = new UpdateRequest { Info = new Info { Digest = digest }, UpdateMask = new FieldMask() };
        foreach (var (name, value) in labels)
        {
            request.Info.Labels[name] = value;
            request.UpdateMask.Paths.Add("labels." + name);
        }
        await containerd.CallAsync(ContainerdMethods.ContentUpdate, request, lease, ct);
    }

    /// <returns>False where somebody else has written the same meanwhile.</returns>
    private async Task<bool> TryStreamAsync(ArchivedBlob blob, IReadOnlyList<KeyValuePair<string, string>> labels, CancellationToken ct)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var call = containerd.Open(ContainerdMethods.ContentWrite, lease, ct);
        try
        {
            // A name of its own: what an import that was cut short has left is not gone on with.
            string name = $"{lease}-{blob.Digest}";
            long offset = 0;
            await SendAsync(new WriteContentRequest { Action = WriteAction.Stat, Ref = name, Total = blob.SizeBytes, Expected = blob.Digest });
            if (blob.Bytes is { } bytes)
                await PutAsync(bytes);
            else
                await tar.ReadAsync(blob.Entry!, PieceBytes, PutAsync, ct);
            string found = "sha256:" + Convert.ToHexStringLower(hash.GetHashAndReset());
            if (found != blob.Digest)
                throw new ImageArchiveException($"{path} is damaged: blob {blob.Digest} has the hash {found}");
            var commit = new WriteContentRequest
            {
                Action = WriteAction.Commit, Ref = name, Total = blob.SizeBytes, Expected = blob.Digest, Offset = offset,
            };
            foreach (var (label, value) in labels)
                commit.Labels[label] = value;
            await SendAsync(commit);
            await call.RequestStream.CompleteAsync();
            return true;

            async Task PutAsync(ReadOnlyMemory<byte> piece)
            {
                hash.AppendData(piece.Span);
                await SendAsync(new WriteContentRequest
                {
                    Action = WriteAction.Write, Ref = name, Offset = offset, Data = UnsafeByteOperations.UnsafeWrap(piece),
                });
                offset += piece.Length;
            }
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.AlreadyExists)
        {
            return false;
        }
        catch (RpcException e)
        {
            ct.ThrowIfCancellationRequested();
            throw ContainerdConnection.Failure(e);
        }

        async Task SendAsync(WriteContentRequest request)
        {
            await call.RequestStream.WriteAsync(request);
            if (!await call.ResponseStream.MoveNext(ct))
                throw new CriException($"containerd has ended the writing of {blob.Digest}", StatusCode.Unavailable);
        }
    }
}
