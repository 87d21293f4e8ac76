using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace Orchestrator.Runtime.Kubelet.Images;

/// <summary>Writes an image of one layer as a file that every runtime imports: an OCI image layout in a tar.</summary>
/// <remarks>
/// The same input gives the same bytes, hence the same digests: nothing in it tells of when or where it was made.
/// <code>
/// oci-layout
/// index.json               -> the manifest, under the image's name
/// blobs/sha256/MANIFEST    -> config and layer
/// blobs/sha256/CONFIG      architecture, command, environment, the layer's own digest
/// blobs/sha256/LAYER       the files, tar in gzip
/// </code>
/// </remarks>
public sealed class OciArchive
{
    private const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode Executable =
        UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute | Readable;

    private readonly MemoryStream _files = new();
    private readonly TarWriter _layer;

    public OciArchive() => _layer = new TarWriter(_files, TarEntryFormat.Ustar, leaveOpen: true);

    /// <summary>The image's whole name: <c>localhost/pause:1</c>.</summary>
    public required string Name { get; init; }

    public IReadOnlyList<string> EntryPoint { get; init; } = [];
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>As <c>NAME=value</c>.</summary>
    public IReadOnlyList<string> Environment { get; init; } = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];

    /// <summary>Who runs its command: a number, a name, or either with a group behind a colon; empty for root.</summary>
    public string User { get; init; } = "";

    public static string Architecture => RuntimeInformation.OSArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => "amd64",
        System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
        var other => other.ToString().ToLowerInvariant(),
    };

    public OciArchive AddFolder(string path) => Add(new UstarTarEntry(TarEntryType.Directory, path) { Mode = Executable });

    public OciArchive AddProgram(string path, byte[] bytes) =>
        Add(new UstarTarEntry(TarEntryType.RegularFile, path) { Mode = Executable, DataStream = new MemoryStream(bytes) });

    public OciArchive AddFile(string path, string text) => Add(new UstarTarEntry(TarEntryType.RegularFile, path)
    {
        Mode = Readable,
        DataStream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text)),
    });

    public OciArchive AddLink(string path, string target) => Add(new UstarTarEntry(TarEntryType.SymbolicLink, path) { LinkName = target });

    /// <summary>Ends the layer and writes all.</summary>
    public void Write(Stream target)
    {
        _layer.Dispose();
        byte[] files = _files.ToArray();
        Blob layer = new(Pack(files));
        Blob config = new(Config(files));
        Blob manifest = new(Manifest(config, layer));
        using var archive = new TarWriter(target, TarEntryFormat.Ustar, leaveOpen: true);
        Put(archive, "oci-layout", JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string> { ["imageLayoutVersion"] = "1.0.0" }));
        Put(archive, "index.json", Index(manifest));
        foreach (Blob blob in (Blob[])[manifest, config, layer])
            Put(archive, $"blobs/sha256/{blob.Hash}", blob.Bytes);
    }

    private OciArchive Add(UstarTarEntry entry)
    {
        entry.ModificationTime = DateTimeOffset.UnixEpoch;
        _layer.WriteEntry(entry);
        return this;
    }

    private static void Put(TarWriter archive, string path, byte[] bytes) => archive.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, path)
    {
        Mode = Readable,
        ModificationTime = DateTimeOffset.UnixEpoch,
        DataStream = new MemoryStream(bytes),
    });

    private static byte[] Pack(byte[] files)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(files);
        return packed.ToArray();
    }

    private byte[] Config(byte[] files) => Json(json =>
    {
        json.WriteString("architecture", Architecture);
        json.WriteString("os", "linux");
        json.WriteStartObject("config");
        if (User.Length > 0)
            json.WriteString("User", User);
        WriteList(json, "Env", Environment);
        WriteList(json, "Entrypoint", EntryPoint);
        WriteList(json, "Cmd", Command);
        json.WriteEndObject();
        json.WriteStartObject("rootfs");
        json.WriteString("type", "layers");
        WriteList(json, "diff_ids", [new Blob(files).Digest]);
        json.WriteEndObject();
    });

    private static byte[] Manifest(Blob config, Blob layer) => Json(json =>
    {
        json.WriteNumber("schemaVersion", 2);
        json.WriteString("mediaType", "application/vnd.oci.image.manifest.v1+json");
        WriteDescriptor(json, "config", "application/vnd.oci.image.config.v1+json", config);
        json.WriteStartArray("layers");
        WriteDescriptor(json, null, "application/vnd.oci.image.layer.v1.tar+gzip", layer);
        json.WriteEndArray();
    });

    private byte[] Index(Blob manifest) => Json(json =>
    {
        json.WriteNumber("schemaVersion", 2);
        json.WriteStartArray("manifests");
        WriteDescriptor(json, null, "application/vnd.oci.image.manifest.v1+json", manifest, () =>
        {
            json.WriteStartObject("annotations");
            json.WriteString("io.containerd.image.name", Name);
            json.WriteString("org.opencontainers.image.ref.name", Name[(Name.LastIndexOf(':') + 1)..]);
            json.WriteEndObject();
        });
        json.WriteEndArray();
    });

    private static void WriteDescriptor(Utf8JsonWriter json, string? name, string mediaType, Blob blob, Action? more = null)
    {
        if (name is null)
            json.WriteStartObject();
        else
            json.WriteStartObject(name);
        json.WriteString("mediaType", mediaType);
        json.WriteString("digest", blob.Digest);
        json.WriteNumber("size", blob.Bytes.Length);
        more?.Invoke();
        json.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter json, string name, IReadOnlyList<string> values)
    {
        if (values.Count == 0)
            return;
        json.WriteStartArray(name);
        foreach (string value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }

    private static byte[] Json(Action<Utf8JsonWriter> write)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }
        return buffer.ToArray();
    }

    private sealed record Blob(byte[] Bytes)
    {
        public string Hash { get; } = Convert.ToHexStringLower(SHA256.HashData(Bytes));

        public string Digest => "sha256:" + Hash;
    }
}
