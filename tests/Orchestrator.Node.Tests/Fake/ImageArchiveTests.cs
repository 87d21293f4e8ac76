using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Images;

namespace Orchestrator.Node.Tests.Fake;

/// <summary>Files of images as tools write them, and as they come over bad lines.</summary>
public sealed class ImageArchiveTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("orchestrator-archives-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("busybox", "docker.io/library/busybox:latest")]
    [InlineData("busybox:1.36", "docker.io/library/busybox:1.36")]
    [InlineData("team/app", "docker.io/team/app:latest")]
    [InlineData("localhost/app:1", "localhost/app:1")]
    [InlineData("localhost:5000/app", "localhost:5000/app:latest")]
    [InlineData("registry.example.org/a/b:c", "registry.example.org/a/b:c")]
    [InlineData("app@sha256:00", "docker.io/library/app@sha256:00")]
    public void Names_are_made_whole(string name, string whole) => Assert.Equal(whole, ImageNames.Normalize(name));

    [Fact]
    public void An_oci_layout_is_read()
    {
        using ImageArchive archive = Open(Layout("localhost/app:1"));

        ArchivedImage image = Assert.Single(archive.Images);
        Assert.Equal(["localhost/app:1"], image.Names);
        Assert.Equal(image.Target, image.Manifest);
        Assert.Empty(image.Indexes);
        Assert.Equal("application/vnd.oci.image.layer.v1.tar+gzip", Assert.Single(image.Layers).MediaType);
        Assert.Equal(image.Config.Digest, Hash(archive.Tar.ReadAll(image.Config.Entry!)));
        Assert.NotEqual(image.Layers[0].Digest, Assert.Single(image.LayerDigests));
    }

    [Fact]
    public void An_archive_may_be_packed()
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(Layout("localhost/app:1"));

        using ImageArchive archive = Open(packed.ToArray());

        Assert.Equal(["localhost/app:1"], Assert.Single(archive.Images).Names);
    }

    [Fact]
    public void What_docker_saved_is_read_and_gets_a_manifest()
    {
        using ImageArchive archive = Open(DockerArchive.Write(["app:1", "registry.example.org/app:2"], "amd64", ("more", "files"u8.ToArray(), false)));

        ArchivedImage image = Assert.Single(archive.Images);
        Assert.Equal(["docker.io/library/app:1", "registry.example.org/app:2"], image.Names);
        Assert.Equal(["application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip"], image.Layers.Select(layer => layer.MediaType));
        // The first is not packed; the second is a link to where it lies.
        Assert.Equal(image.LayerDigests[0], image.Layers[0].Digest);
        using JsonDocument manifest = JsonDocument.Parse(image.Manifest.Bytes!);
        Assert.Equal(image.Config.Digest, manifest.RootElement.GetProperty("config").GetProperty("digest").GetString());
        Assert.Equal(image.Manifest.Digest, Hash(image.Manifest.Bytes!));
    }

    [Fact]
    public void Of_an_index_the_image_for_this_machine_is_taken()
    {
        var layout = new LayoutBuilder();
        string arm = layout.AddImage("arm64"), own = layout.AddImage("amd64"), attestation = layout.AddImage("unknown");
        string index = layout.AddIndex(("linux", "arm64", arm), ("linux", "amd64", own), ("unknown", "unknown", attestation), ("linux", "s390x", "sha256:" + new string('0', 64)));
        using ImageArchive archive = Open(layout.Write(index, "localhost/many:1"));

        ArchivedImage image = Assert.Single(archive.Images);

        Assert.Equal(index, image.Target.Digest);
        Assert.Equal(own, image.Manifest.Digest);
        // What is not in the archive is not held.
        Assert.Equal([arm, own, attestation], Assert.Single(image.Indexes).ManifestDigests);
    }

    [Fact]
    public void One_image_of_two_names_is_one_image()
    {
        var layout = new LayoutBuilder();
        string own = layout.AddImage("amd64");

        using ImageArchive archive = Open(layout.Write((own, "localhost/a:1"), (own, "localhost/b:1")));

        Assert.Equal(["localhost/a:1", "localhost/b:1"], Assert.Single(archive.Images).Names);
    }

    [Fact]
    public void What_is_wrong_with_an_archive_is_said()
    {
        byte[] good = Layout("localhost/app:1");
        var layout = new LayoutBuilder();
        string arm = layout.AddImage("arm64");
        byte[] other = layout.Write(arm, "localhost/arm:1");

        Assert.Equal("FILE is no archive of images: it is not a tar file", Fault("not a tar file, but a text long enough for a block"u8.ToArray()));
        Assert.Equal("FILE is no archive of images: it is not a tar file", Fault(RandomNumberGenerator.GetBytes(4096)));
        Assert.Equal("FILE is no archive of images: there is nothing in it", Fault(new byte[1024]));
        Assert.Equal("FILE is no archive of images: there is nothing in it", Fault([]));
        Assert.Equal("FILE is no archive of images: it has neither index.json nor manifest.json", Fault(Tar(("readme", "hello"))));
        Assert.StartsWith("FILE is damaged", Fault(good[..(good.Length / 2)]));
        Assert.Equal("FILE is damaged: it begins as gzip and cannot be unpacked", Fault([0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
        Assert.Equal("FILE: localhost/arm:1 is not for this machine, linux/amd64, but for linux/arm64", Fault(other));
        Assert.StartsWith("FILE is damaged: ", Fault(Tar(("index.json", "{"))));
        Assert.StartsWith("FILE is damaged: ", Fault(Tar(("index.json", "{}"))));
        Assert.StartsWith("FILE is damaged: ", Fault(Tar(("index.json", """{"manifests":[{"digest":7}]}"""))));
        Assert.Equal("FILE has no image in it", Fault(Tar(("index.json", """{"manifests":[]}"""))));
        Assert.Matches("^FILE is damaged: blob sha256:1{64} is missing$", Fault(Tar(
            ("index.json", $$"""{"manifests":[{"digest":"sha256:{{new string('1', 64)}}","size":5}]}"""))));
        Assert.Equal("FILE is damaged: layer.tar is missing", Fault(Tar(
            ("manifest.json", """[{"Config":"c.json","RepoTags":["a:1"],"Layers":["layer.tar"]}]"""), ("c.json", "{}"))));
        Assert.Equal(
            "FILE: docker.io/library/app:1 is not for this machine, linux/amd64, but for linux/arm64", Fault(DockerArchive.Write(["app:1"], "arm64")));
    }

    [Fact]
    public void A_cut_archive_is_never_taken_for_a_whole_one()
    {
        byte[] good = Layout("localhost/app:1");
        // Behind the last file are two empty blocks and what fills up the last record: nobody misses those.
        int needed = good.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;

        for (int length = 0; length < needed; length += 97)
            Assert.NotEqual("", Fault(good[..length]));
    }

    [Fact]
    public void Images_are_listed_by_their_tags_and_by_their_hashes_where_they_have_none()
    {
        DateTimeOffset now = new(2026, 3, 4, 12, 0, 0, TimeSpan.Zero);

        IReadOnlyList<ListedImage> listed = ListedImage.Join(
            [
                ("docker.io/library/a:1", "sha256:m1", now), ("docker.io/library/a@sha256:m1", "sha256:m1", now), ("sha256:c1", "sha256:m1", now),
                ("docker.io/library/b@sha256:m2", "sha256:m2", now.AddHours(1)), ("sha256:c2", "sha256:m2", now.AddHours(1)),
                ("sha256:c3", "sha256:m3", now.AddHours(2)),
            ],
            [
                new RuntimeImage("docker.io/library/a@sha256:m1", ["docker.io/library/a:1"], 10),
                new RuntimeImage("docker.io/library/b@sha256:m2", [], 20), new RuntimeImage("sha256:c3", [], 30),
            ]);

        Assert.Equal(
            [
                new ListedImage("sha256:c3", "sha256:m3", 30, now.AddHours(2)),
                new ListedImage("docker.io/library/b@sha256:m2", "sha256:m2", 20, now.AddHours(1)),
                new ListedImage("docker.io/library/a:1", "sha256:m1", 10, now),
            ],
            listed);
    }

    private ImageArchive Open(byte[] bytes)
    {
        string path = Path.Combine(_folder, "images.tar");
        File.WriteAllBytes(path, bytes);
        return ImageArchive.Open(path, "amd64");
    }

    private string Fault(byte[] bytes)
    {
        try
        {
            Open(bytes).Dispose();
            return "";
        }
        catch (ImageArchiveException e)
        {
            return e.Message.Replace(Path.Combine(_folder, "images.tar"), "FILE");
        }
    }

    private static byte[] Layout(string name)
    {
        using var archive = new MemoryStream();
        new OciArchive { Name = name, Command = ["/none"] }.AddFile("marker", "content").Write(archive);
        return archive.ToArray();
    }

    private static byte[] Tar(params (string Name, string Text)[] files) => LayoutBuilder.Tar(files.Select(file => (file.Name, Encoding.UTF8.GetBytes(file.Text))));

    private static string Hash(byte[] bytes) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>Images for several machines in one file.</summary>
    private sealed class LayoutBuilder
    {
        private readonly Dictionary<string, byte[]> _blobs = [];

        public string AddImage(string architecture)
        {
            byte[] layer = Tar([("machine", Encoding.UTF8.GetBytes(architecture))]);
            string config = Add(JsonSerializer.SerializeToUtf8Bytes(new
            {
                architecture,
                os = architecture == "unknown" ? "unknown" : "linux",
                rootfs = new { type = "layers", diff_ids = new[] { Hash(layer) } },
            }));
            return Add(JsonSerializer.SerializeToUtf8Bytes(new
            {
                schemaVersion = 2,
                config = new { mediaType = "application/vnd.oci.image.config.v1+json", digest = config, size = _blobs[config].Length },
                layers = new[] { new { mediaType = "application/vnd.oci.image.layer.v1.tar", digest = Add(layer), size = layer.Length } },
            }));
        }

        public string AddIndex(params (string Os, string Architecture, string Digest)[] manifests) => Add(JsonSerializer.SerializeToUtf8Bytes(new
        {
            schemaVersion = 2,
            manifests = manifests.Select(one => new
            {
                mediaType = "application/vnd.oci.image.manifest.v1+json",
                digest = one.Digest,
                size = _blobs.TryGetValue(one.Digest, out byte[]? blob) ? blob.Length : 1,
                platform = new { os = one.Os, architecture = one.Architecture },
            }),
        }));

        public byte[] Write(string digest, string name) => Write((digest, name));

        public byte[] Write(params (string Digest, string Name)[] images)
        {
            byte[] index = JsonSerializer.SerializeToUtf8Bytes(new
            {
                schemaVersion = 2,
                manifests = images.Select(image => new
                {
                    mediaType = "application/vnd.oci.image.index.v1+json",
                    digest = image.Digest,
                    size = _blobs[image.Digest].Length,
                    annotations = new Dictionary<string, string> { ["org.opencontainers.image.ref.name"] = image.Name },
                }),
            });
            return Tar(_blobs.Select(blob => ($"./blobs/sha256/{blob.Key["sha256:".Length..]}", blob.Value)).Prepend(("./index.json", index)));
        }

        public static byte[] Tar(IEnumerable<(string Name, byte[] Bytes)> files)
        {
            using var target = new MemoryStream();
            using (var writer = new TarWriter(target, leaveOpen: true))
            {
                foreach (var (name, bytes) in files)
                    writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(bytes) });
            }
            return target.ToArray();
        }

        private string Add(byte[] bytes)
        {
            string digest = Hash(bytes);
            _blobs[digest] = bytes;
            return digest;
        }
    }
}
