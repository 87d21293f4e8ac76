using Google.Protobuf.WellKnownTypes;
using KvStore.Grpc;
using Orchestrator.Cri.Containerd.Images;
using Orchestrator.Cri.Containerd.Leases;
using Orchestrator.Cri.Containerd.Types;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Cri.Grpc;
using Orchestrator.Runtime.Kubelet.Images.Containerd;

namespace Orchestrator.Runtime.Kubelet.Images;

/// <summary>An image that was taken from an archive.</summary>
/// <param name="Names">Whole names; none for an image that is known by its id alone.</param>
/// <param name="Id">The hash of its configuration, as pods' statuses have it.</param>
public sealed record ImportedImage(IReadOnlyList<string> Names, string Id);

/// <summary>Puts images of archives into containerd's store, as if they had been pulled, and lists what is there.</summary>
/// <remarks>
/// All is made under a lease, so that nothing is collected as garbage before names hold it. Labels say what holds what:
/// <code>
/// name --> index --> manifest --> configuration --> snapshot of the top layer
///                            \--> layers
/// </code>
/// What is there already is taken as it is: the same archive twice changes nothing. containerd 1.6 and later are asked alike;
/// what only later ones can (the transfer service) is not used.
/// </remarks>
public sealed class ImageImporter : IDisposable
{
    /// <summary>What marks images that the runtime interface shows.</summary>
    private const string ManagedLabel = "io.cri-containerd.image";
    private const string ManagedValue = "managed";
    private const string ContentLabel = "containerd.io/gc.ref.content.";
    private const string SnapshotLabel = "containerd.io/gc.ref.snapshot.";
    private const string UncompressedLabel = "containerd.io/uncompressed";
    private const string ExpiryLabel = "containerd.io/gc.expire";

    /// <summary>Should we end before the lease does: the garbage goes so long afterwards.</summary>
    private static readonly TimeSpan LeaseTime = TimeSpan.FromHours(24);

    /// <summary>How long the runtime interface may take to see a name that containerd has.</summary>
    private static readonly TimeSpan NoticeTime = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan NoticeInterval = TimeSpan.FromMilliseconds(20);

    private readonly CriConnection _cri;
    private readonly CriImageService _images;
    private readonly ContainerdConnection _containerd;
    private readonly string _snapshotter;

    /// <param name="snapshotter">The one that the runtime's configuration names.</param>
    public ImageImporter(CriOptions options, string snapshotter = "overlayfs")
    {
        _snapshotter = snapshotter;
        _cri = new CriConnection(options);
        _images = new CriImageService(_cri);
        _containerd = new ContainerdConnection(options.Socket, options.Clock);
    }

    public void Dispose()
    {
        _cri.Dispose();
        _containerd.Dispose();
    }

    /// <summary>Imports all images of an archive: an OCI layout or what <c>docker save</c> wrote.</summary>
    /// <exception cref="ImageArchiveException">The file is no such archive, is damaged, or is for other machines.</exception>
    /// <exception cref="CriException">containerd refuses, or does not answer.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public async Task<IReadOnlyList<ImportedImage>> ImportAsync(string path, CancellationToken ct)
    {
        using ImageArchive archive = await Task.Run(() => ImageArchive.Open(path, OciArchive.Architecture), ct);
        string lease = await MakeLeaseAsync(ct);
        try
        {
            var imported = new List<ImportedImage>();
            foreach (ArchivedImage image in archive.Images)
            {
                await ImportAsync(path, archive, image, lease, ct);
                imported.Add(new ImportedImage(image.Names, image.Config.Digest));
            }
            foreach (ImportedImage image in imported)
                await WaitUntilKnownAsync(image, ct);
            return imported;
        }
        finally
        {
            await _containerd.CallAsync(ContainerdMethods.LeasesDelete, new DeleteRequest { Id = lease }, "", CancellationToken.None);
        }
    }

    /// <summary>All images under their names, the newest first.</summary>
    /// <exception cref="CriException">containerd does not answer.</exception>
    public async Task<IReadOnlyList<ListedImage>> ListAsync(CancellationToken ct)
    {
        ListImagesResponse named = await _containerd.CallAsync(ContainerdMethods.ImagesList, new ListImagesRequest(), "", ct);
        IReadOnlyList<RuntimeImage> known = await _images.ListImagesAsync(ct);
        return ListedImage.Join(
            [.. named.Images.Select(image => (image.Name, image.Target.Digest, image.CreatedAt.ToDateTimeOffset()))], known);
    }

    private async Task<string> MakeLeaseAsync(CancellationToken ct)
    {
        string expiry = (_containerd.Clock.GetUtcNow() + LeaseTime).ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture);
        var request = new CreateRequest { Id = $"orchestrator-import-{Guid.NewGuid():N}", Labels = { [ExpiryLabel] = expiry } };
        return (await _containerd.CallAsync(ContainerdMethods.LeasesCreate, request, "", ct)).Lease.Id;
    }

    private async Task ImportAsync(string path, ImageArchive archive, ArchivedImage image, string lease, CancellationToken ct)
    {
        var writer = new BlobWriter(_containerd, archive.Tar, path, lease);
        for (int i = 0; i < image.Layers.Count; i++)
            await writer.WriteAsync(image.Layers[i], [new(UncompressedLabel, image.LayerDigests[i])], ct);
        await writer.WriteAsync(image.Config, [], ct);
        List<KeyValuePair<string, string>> held = [new(ContentLabel + "config", image.Config.Digest)];
        held.AddRange(image.Layers.Select((layer, i) => KeyValuePair.Create($"{ContentLabel}l.{i}", layer.Digest)));
        await writer.WriteAsync(image.Manifest, held, ct);
        // From the inside out: what is named is there.
        foreach (ArchivedIndex index in image.Indexes.Reverse())
        {
            IEnumerable<string> inner = index.ManifestDigests.Where(digest =>
                digest == image.Manifest.Digest || image.Indexes.Any(one => one.Blob.Digest == digest));
            await writer.WriteAsync(index.Blob, [.. inner.Select((digest, i) => KeyValuePair.Create($"{ContentLabel}m.{i}", digest))], ct);
        }
        string top = await new LayerUnpacker(_containerd, _snapshotter, path, lease).UnpackAsync(image, ct);
        if (top.Length > 0)
            await writer.LabelAsync(image.Config.Digest, [new(SnapshotLabel + _snapshotter, top)], ct);
        // The runtime interface knows an image by its id first.
        foreach (string name in image.Names.Prepend(image.Config.Digest))
            await NameAsync(name, image.Target, lease, ct);
    }

    private async Task NameAsync(string name, ArchivedBlob target, string lease, CancellationToken ct)
    {
        var image = new Image
        {
            Name = name,
            Labels = { [ManagedLabel] = ManagedValue },
            Target = new ContentDescriptor { MediaType = target.MediaType, Digest = target.Digest, Size = target.SizeBytes },
        };
        try
        {
            await _containerd.CallAsync(ContainerdMethods.ImagesCreate, new CreateImageRequest { Image = image }, lease, ct);
        }
        catch (CriException e) when (e.Code == StatusCode.AlreadyExists)
        {
            var request = new UpdateImageRequest { Image = image, UpdateMask = new FieldMask { Paths = { "target", "labels." + ManagedLabel } } };
            await _containerd.CallAsync(ContainerdMethods.ImagesUpdate, request, lease, ct);
        }
    }

    private async Task WaitUntilKnownAsync(ImportedImage image, CancellationToken ct)
    {
        long began = _containerd.Clock.GetTimestamp();
        foreach (string name in image.Names.Append(image.Id))
        {
            while ((await _images.ImageStatusAsync(name, ct))?.ImageId != image.Id)
            {
                if (_containerd.Clock.GetElapsedTime(began) > NoticeTime)
                    throw new CriException($"the image {name} was imported, but the runtime does not show it", StatusCode.NotFound);
                await Task.Delay(NoticeInterval, _containerd.Clock, ct);
            }
        }
    }
}
