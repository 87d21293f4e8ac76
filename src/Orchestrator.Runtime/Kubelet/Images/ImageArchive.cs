using System.Security.Cryptography;
using System.Text.Json;

namespace Orchestrator.Runtime.Kubelet.Images;

/// <summary>Reads a file of images: an OCI layout in a tar, or what <c>docker save</c> writes; either may be in gzip.</summary>
/// <remarks>
/// <code>
/// index.json, blobs/sha256/...                     OCI, and docker since version 25
/// manifest.json, HASH.json, HASH/layer.tar         docker before: a manifest is made for it
/// </code>
/// Nothing is believed of a blob's hash here; whoever takes the blob counts it.
/// </remarks>
internal sealed class ImageArchive : IDisposable
{
    private const string ManifestType = "application/vnd.oci.image.manifest.v1+json";
    private const string ConfigType = "application/vnd.oci.image.config.v1+json";
    private const string LayerType = "application/vnd.oci.image.layer.v1.tar";

    /// <summary>An index within an index within ...</summary>
    private const int DepthLimit = 4;

    /// <summary>Of manifests, indexes and configurations, which are read whole.</summary>
    private const long DocumentLimitBytes = 8 * 1024 * 1024;

    private readonly string _path;
    private readonly string _architecture;

    private ImageArchive(string path, string architecture, TarFile tar)
    {
        (_path, _architecture, Tar) = (path, architecture, tar);
        Images = tar.Find("index.json") is { } index ? ReadLayout(index)
            : tar.Find("manifest.json") is { } manifest ? ReadDocker(manifest)
            : throw new ImageArchiveException($"{path} is no archive of images: it has neither index.json nor manifest.json");
        if (Images.Count == 0)
            throw new ImageArchiveException($"{path} has no image in it");
    }

    public IReadOnlyList<ArchivedImage> Images { get; }

    public TarFile Tar { get; }

    /// <param name="architecture">Of this machine: amd64.</param>
    /// <exception cref="ImageArchiveException">It is none, is damaged, or has nothing for this machine.</exception>
    public static ImageArchive Open(string path, string architecture)
    {
        TarFile tar = TarFile.Open(path);
        try
        {
            return new ImageArchive(path, architecture, tar);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            tar.Dispose();
            throw new ImageArchiveException($"{path} is damaged: {e.Message}", e);
        }
        catch
        {
            tar.Dispose();
            throw;
        }
    }

    public void Dispose() => Tar.Dispose();

    // OCI layout

    private List<ArchivedImage> ReadLayout(ArchiveEntry index)
    {
        using JsonDocument document = Read(index);
        var images = new List<ArchivedImage>();
        foreach (JsonElement descriptor in document.RootElement.GetProperty("manifests").EnumerateArray())
        {
            List<string> names = NamesOf(descriptor);
            if (images.FindIndex(image => image.Target.Digest == DigestOf(descriptor)) is >= 0 and var known)
                // One image under several names.
                images[known] = images[known] with { Names = [.. images[known].Names.Concat(names).Distinct()] };
            else
                images.Add(ReadImage(names, BlobOf(descriptor)));
        }
        return NameByDocker(images);
    }

    private ArchivedImage ReadImage(List<string> names, ArchivedBlob target)
    {
        var others = new SortedSet<string>(StringComparer.Ordinal);
        return FindManifest(names, target, target, [], others) ?? throw new ImageArchiveException(
            $"{_path}: {(names.Count > 0 ? names[0] : target.Digest)} is not for this machine, linux/{_architecture}"
            + (others.Count > 0 ? $", but for {string.Join(", ", others)}" : ""));
    }

    private ArchivedImage? FindManifest(
        List<string> names, ArchivedBlob target, ArchivedBlob blob, IReadOnlyList<ArchivedIndex> outer, SortedSet<string> others)
    {
        using JsonDocument document = Read(EntryOf(blob));
        if (!document.RootElement.TryGetProperty("manifests", out JsonElement manifests))
            return ReadManifest(names, target, blob, document.RootElement, outer, others);
        if (outer.Count >= DepthLimit)
            throw new ImageArchiveException($"{_path}: indexes lie within indexes too deep");
        List<JsonElement> descriptors = [.. manifests.EnumerateArray()];
        IReadOnlyList<ArchivedIndex> indexes =
            [.. outer, new ArchivedIndex(blob, [.. descriptors.Where(one => Find(one) is not null).Select(DigestOf)])];
        foreach (JsonElement descriptor in descriptors)
        {
            if (IsOtherPlatform(descriptor, others) || Find(descriptor) is null)
                continue;
            if (FindManifest(names, target, BlobOf(descriptor), indexes, others) is { } image)
                return image;
        }
        return null;
    }

    private ArchivedImage? ReadManifest(
        List<string> names, ArchivedBlob target, ArchivedBlob blob, JsonElement manifest, IReadOnlyList<ArchivedIndex> indexes,
        SortedSet<string> others)
    {
        if (!manifest.TryGetProperty("config", out JsonElement configDescriptor) || !manifest.TryGetProperty("layers", out JsonElement layerDescriptors))
            throw new ImageArchiveException($"{_path}: {blob.Digest} is no manifest of an image");
        ArchivedBlob config = BlobOf(configDescriptor);
        using JsonDocument document = Read(EntryOf(config));
        if (IsOtherPlatform(document.RootElement, others))
            return null;
        List<ArchivedBlob> layers = [.. layerDescriptors.EnumerateArray().Select(BlobOf)];
        layers.ForEach(layer => EntryOf(layer));
        return new ArchivedImage(names, target, blob, config, layers, LayerDigestsOf(document.RootElement, layers.Count), indexes);
    }

    /// <summary>What <c>docker save</c> says of names beside the layout, where the layout itself has none.</summary>
    private List<ArchivedImage> NameByDocker(List<ArchivedImage> images)
    {
        if (images.TrueForAll(image => image.Names.Count > 0) || Tar.Find("manifest.json") is not { } entry)
            return images;
        using JsonDocument document = Read(entry);
        var tags = new Dictionary<string, List<string>>();
        foreach (JsonElement image in document.RootElement.EnumerateArray())
            tags[Path.GetFileNameWithoutExtension(image.GetProperty("Config").Text())] = DockerNames(image);
        return [.. images.Select(image => image.Names.Count == 0 && tags.TryGetValue(image.Config.Digest["sha256:".Length..], out var names)
            ? image with { Names = names } : image)];
    }

    private static List<string> NamesOf(JsonElement descriptor)
    {
        if (!descriptor.TryGetProperty("annotations", out JsonElement annotations))
            return [];
        if (annotations.TryGetProperty("io.containerd.image.name", out JsonElement whole))
            return [ImageNames.Normalize(whole.Text())];
        // By the book a tag alone, which names nothing; many tools write whole names.
        return annotations.TryGetProperty("org.opencontainers.image.ref.name", out JsonElement name) && name.Text().AsSpan().ContainsAny('/', ':')
            ? [ImageNames.Normalize(name.Text())] : [];
    }

    // What docker saved before it knew the layout

    private List<ArchivedImage> ReadDocker(ArchiveEntry entry)
    {
        using JsonDocument document = Read(entry);
        return [.. document.RootElement.EnumerateArray().Select(ReadDockerImage)];
    }

    private ArchivedImage ReadDockerImage(JsonElement image)
    {
        List<string> names = DockerNames(image);
        ArchivedBlob config = HashedBlob(ConfigType, image.GetProperty("Config").Text());
        using JsonDocument document = Read(config.Entry!);
        var others = new SortedSet<string>(StringComparer.Ordinal);
        if (IsOtherPlatform(document.RootElement, others))
            throw new ImageArchiveException(
                $"{_path}: {names.FirstOrDefault() ?? config.Digest} is not for this machine, linux/{_architecture}, but for {string.Join(", ", others)}");
        List<ArchivedBlob> layers = [.. image.GetProperty("Layers").EnumerateArray().Select(layer => HashedBlob(LayerType, layer.Text()))];
        byte[] bytes = JsonSerializer.SerializeToUtf8Bytes(new
        {
            schemaVersion = 2,
            mediaType = ManifestType,
            config = DescriptorOf(config),
            layers = layers.Select(DescriptorOf).ToArray(),
        });
        var manifest = new ArchivedBlob(ManifestType, "sha256:" + Convert.ToHexStringLower(SHA256.HashData(bytes)), bytes.Length, null, bytes);
        return new ArchivedImage(names, manifest, manifest, config, layers, LayerDigestsOf(document.RootElement, layers.Count), []);
    }

    private static object DescriptorOf(ArchivedBlob blob) => new { mediaType = blob.MediaType, digest = blob.Digest, size = blob.SizeBytes };

    private static List<string> DockerNames(JsonElement image) =>
        image.TryGetProperty("RepoTags", out JsonElement tags) && tags.ValueKind == JsonValueKind.Array
            ? [.. tags.EnumerateArray().Select(tag => ImageNames.Normalize(tag.Text()))] : [];

    private ArchivedBlob HashedBlob(string mediaType, string name)
    {
        ArchiveEntry entry = Tar.Find(name) ?? throw new ImageArchiveException($"{_path} is damaged: {name} is missing");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] head = [];
        Tar.ReadAsync(entry, 1 << 20, piece =>
        {
            if (head.Length == 0)
                head = piece.Span[..Math.Min(4, piece.Length)].ToArray();
            hash.AppendData(piece.Span);
            return Task.CompletedTask;
        }, CancellationToken.None).GetAwaiter().GetResult();
        if (mediaType == LayerType)
            mediaType += head switch
            {
                [0x1f, 0x8b, ..] => "+gzip",
                [0x28, 0xb5, 0x2f, 0xfd] => "+zstd",
                _ => "",
            };
        return new ArchivedBlob(mediaType, "sha256:" + Convert.ToHexStringLower(hash.GetHashAndReset()), entry.SizeBytes, entry);
    }

    // Both

    private List<string> LayerDigestsOf(JsonElement config, int layerCount)
    {
        List<string> digests = [.. config.GetProperty("rootfs").GetProperty("diff_ids").EnumerateArray().Select(digest => digest.Text())];
        return digests.Count == layerCount ? digests
            : throw new ImageArchiveException($"{_path} is damaged: an image of {layerCount} layers names {digests.Count}");
    }

    /// <summary>Whether a descriptor or a configuration says that it is for another machine; what says nothing is for all.</summary>
    private bool IsOtherPlatform(JsonElement element, SortedSet<string> others)
    {
        if (element.TryGetProperty("platform", out JsonElement platform))
            element = platform;
        else if (element.TryGetProperty("digest", out _))
            return false;
        string os = element.TryGetProperty("os", out JsonElement named) ? named.GetString() ?? "" : "linux";
        string architecture = element.TryGetProperty("architecture", out named) ? named.GetString() ?? "" : _architecture;
        if (os == "linux" && architecture == _architecture)
            return false;
        // Attestations stand under this name.
        if (os != "unknown")
            others.Add($"{os}/{architecture}");
        return true;
    }

    private static string DigestOf(JsonElement descriptor)
    {
        string digest = descriptor.GetProperty("digest").Text();
        return digest.StartsWith("sha256:", StringComparison.Ordinal) && digest.Length == 71 && !digest.AsSpan(7).ContainsAnyExcept("0123456789abcdef")
            ? digest : throw new FormatException($"{digest} is no hash that is known here");
    }

    private ArchiveEntry? Find(JsonElement descriptor) => Tar.Find($"blobs/sha256/{DigestOf(descriptor)["sha256:".Length..]}");

    private ArchivedBlob BlobOf(JsonElement descriptor) => new(
        descriptor.TryGetProperty("mediaType", out JsonElement type) ? type.Text() : ManifestType, DigestOf(descriptor),
        descriptor.GetProperty("size").GetInt64(), Find(descriptor));

    private ArchiveEntry EntryOf(ArchivedBlob blob) => blob.Entry switch
    {
        null => throw new ImageArchiveException($"{_path} is damaged: blob {blob.Digest} is missing"),
        { } entry when entry.SizeBytes != blob.SizeBytes => throw new ImageArchiveException(
            $"{_path} is damaged: blob {blob.Digest} has {entry.SizeBytes} bytes and not {blob.SizeBytes}"),
        { } entry => entry,
    };

    private JsonDocument Read(ArchiveEntry entry) => entry.SizeBytes <= DocumentLimitBytes
        ? JsonDocument.Parse(Tar.ReadAll(entry))
        : throw new ImageArchiveException($"{_path} is damaged: {entry.Name} is too long");
}

internal static class JsonTexts
{
    /// <exception cref="FormatException">It is no text.</exception>
    public static string Text(this JsonElement element) =>
        element.ValueKind == JsonValueKind.String ? element.GetString()! : throw new FormatException($"a text is missing: {element.GetRawText()}");
}
