using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;

namespace Orchestrator.Node.Tests.Fake;

/// <summary>What <c>docker save</c> wrote before version 25: an image of two layers, the second packed and behind a link.</summary>
internal static class DockerArchive
{
    /// <param name="files">Of the second layer, beside a marker in the first.</param>
    public static byte[] Write(string[] names, string architecture, params (string Name, byte[] Bytes, bool IsProgram)[] files) =>
        Write(names, architecture, Pack, files);

    /// <param name="pack">What packs the second layer.</param>
    public static byte[] Write(
        string[] names, string architecture, Func<byte[], byte[]> pack, params (string Name, byte[] Bytes, bool IsProgram)[] files)
    {
        byte[] first = Layer([("marker", "content"u8.ToArray(), false)]), second = Layer(files);
        byte[] config = JsonSerializer.SerializeToUtf8Bytes(new
        {
            architecture,
            os = "linux",
            config = new { Cmd = new[] { "/bin/busybox", "cat", "/marker" } },
            rootfs = new { type = "layers", diff_ids = new[] { Hash(first), Hash(second) } },
        });
        string configName = Hash(config)["sha256:".Length..] + ".json";
        byte[] manifest = JsonSerializer.SerializeToUtf8Bytes(new[] { new { Config = configName, RepoTags = names, Layers = new[] { "1/layer.tar", "2/layer.tar" } } });
        using var target = new MemoryStream();
        using (var writer = new TarWriter(target, TarEntryFormat.Ustar, leaveOpen: true))
        {
            Put(writer, "1/layer.tar", first);
            writer.WriteEntry(new UstarTarEntry(TarEntryType.SymbolicLink, "2/layer.tar") { LinkName = "../3/layer.tar" });
            Put(writer, "3/layer.tar", pack(second));
            Put(writer, configName, config);
            Put(writer, "manifest.json", manifest);
        }
        return target.ToArray();
    }

    private static byte[] Layer((string Name, byte[] Bytes, bool IsProgram)[] files)
    {
        using var target = new MemoryStream();
        using (var writer = new TarWriter(target, TarEntryFormat.Ustar, leaveOpen: true))
        {
            foreach (var (name, bytes, isProgram) in files)
                Put(writer, name, bytes, isProgram);
        }
        return target.ToArray();
    }

    private static void Put(TarWriter writer, string name, byte[] bytes, bool isProgram = false) => writer.WriteEntry(
        new UstarTarEntry(TarEntryType.RegularFile, name)
        {
            Mode = isProgram ? (UnixFileMode)0b111_101_101 : (UnixFileMode)0b110_100_100,
            DataStream = new MemoryStream(bytes),
        });

    public static byte[] Pack(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(bytes);
        return packed.ToArray();
    }

    private static string Hash(byte[] bytes) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(bytes));
}
