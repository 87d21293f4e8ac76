using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text.Json;
using Orchestrator.Runtime.Kubelet.Images;

namespace Orchestrator.Node.Tests.Fake;

public sealed class ImageArchiveTests
{
    [Fact]
    public void An_archive_is_a_chain_of_digests_from_the_index_to_the_layer()
    {
        Dictionary<string, byte[]> files = Read(PauseImage.ToArchive());

        JsonElement named = Json(files["index.json"]).GetProperty("manifests")[0];
        JsonElement manifest = Json(Blob(files, named));
        JsonElement config = Json(Blob(files, manifest.GetProperty("config")));
        Blob(files, manifest.GetProperty("layers")[0]);

        Assert.Equal(PauseImage.Name, named.GetProperty("annotations").GetProperty("io.containerd.image.name").GetString());
        Assert.Equal("/pause", config.GetProperty("config").GetProperty("Entrypoint")[0].GetString());
    }

    [Fact]
    public void The_same_image_is_the_same_bytes() => Assert.Equal(PauseImage.ToArchive(), PauseImage.ToArchive());

    private static byte[] Blob(Dictionary<string, byte[]> files, JsonElement descriptor)
    {
        string digest = descriptor.GetProperty("digest").GetString()!;
        byte[] blob = files["blobs/" + digest.Replace(':', '/')];
        Assert.Equal(digest, "sha256:" + Convert.ToHexStringLower(SHA256.HashData(blob)));
        Assert.Equal(blob.Length, descriptor.GetProperty("size").GetInt32());
        return blob;
    }

    private static JsonElement Json(byte[] bytes) => JsonDocument.Parse(bytes).RootElement;

    private static Dictionary<string, byte[]> Read(byte[] archive)
    {
        var files = new Dictionary<string, byte[]>();
        using var reader = new TarReader(new MemoryStream(archive));
        while (reader.GetNextEntry(copyData: true) is { } entry)
        {
            var content = new MemoryStream();
            entry.DataStream!.CopyTo(content);
            files[entry.Name] = content.ToArray();
        }
        return files;
    }
}
