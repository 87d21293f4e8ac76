using System.Text;
using KvStore.Testing.Linux;
using Orchestrator.Node.Tests.Fake;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Images;

namespace Orchestrator.Node.Tests.Live;

/// <summary>Images of archives in a real containerd, and containers that run from them.</summary>
[Collection(ContainerdCollection.Name)]
public sealed class ImportTests(ContainerdFixture fixture)
{
    [LiveFact]
    public async Task A_container_runs_from_what_docker_saved_also_after_garbage_was_collected()
    {
        RealContainerd containerd = await fixture.GetAsync();
        string file = Path.Combine(containerd.Folder, "saved.tar");
        await File.WriteAllBytesAsync(file, Saved(["saved:1", "localhost/saved:2"]));

        IReadOnlyList<ImportedImage> imported = await containerd.Importer.ImportAsync(file, CancellationToken.None);
        // To remove an image waits for the collector: what no label holds is gone now.
        await containerd.ImportAsync(Archive("localhost/passing:1"));
        await containerd.Images.RemoveImageAsync("localhost/passing:1", CancellationToken.None);
        await using LivePod pod = await LivePod.RunAsync(containerd, "saved");
        string output = await pod.OutputAsync("main", "", config => config with { Image = "localhost/saved:2", Command = [] });
        RuntimeImage image = (await containerd.Images.ImageStatusAsync("docker.io/library/saved:1", CancellationToken.None))!;

        ImportedImage one = Assert.Single(imported);
        Assert.Equal(["docker.io/library/saved:1", "localhost/saved:2"], one.Names);
        Assert.Equal("content", output);
        Assert.Equal(one.Id, image.Id);
        Assert.Equal(["docker.io/library/saved:1", "localhost/saved:2"], image.RepoTags.Order());
    }

    [ZstdFact]
    public async Task A_layer_may_be_packed_as_zstd()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await containerd.ImportAsync(Saved(["localhost/zstd:1"], PackAsZstd));
        await using LivePod pod = await LivePod.RunAsync(containerd, "zstd");

        string output = await pod.OutputAsync("main", "", config => config with { Image = "localhost/zstd:1", Command = [] });

        Assert.Equal("content", output);
    }

    [LiveFact]
    public async Task The_same_archive_twice_changes_nothing_and_another_takes_its_name_over()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await containerd.ImportAsync(Archive("localhost/again:1", "first"));
        RuntimeImage first = (await containerd.Images.ImageStatusAsync("localhost/again:1", CancellationToken.None))!;

        await containerd.ImportAsync(Archive("localhost/again:1", "first"));
        RuntimeImage same = (await containerd.Images.ImageStatusAsync("localhost/again:1", CancellationToken.None))!;
        ImportedImage other = Assert.Single(await containerd.ImportAsync(Archive("localhost/again:1", "second")));
        RuntimeImage? taken = await UntilAsync(
            () => containerd.Images.ImageStatusAsync("localhost/again:1", CancellationToken.None), image => image?.Id == other.Id);

        Assert.Equal(first.Id, same.Id);
        Assert.Equal(other.Id, taken!.Id);
        Assert.NotEqual(first.Id, other.Id);
    }

    [LiveFact]
    public async Task A_blob_that_is_not_what_its_hash_says_is_named_and_leaves_no_image()
    {
        RealContainerd containerd = await fixture.GetAsync();
        byte[] archive = Archive("localhost/bad:1", "some text that is packed");
        // One bit within the layer, which is the last file.
        int last = archive.AsSpan().LastIndexOfAnyExcept((byte)0);
        archive[last - 3] ^= 1;

        var refusal = await Assert.ThrowsAsync<ImageArchiveException>(() => containerd.ImportAsync(archive));

        Assert.Matches("is damaged: blob sha256:[0-9a-f]{64} has the hash sha256:[0-9a-f]{64}$", refusal.Message);
        Assert.Null(await containerd.Images.ImageStatusAsync("localhost/bad:1", CancellationToken.None));
    }

    [LiveFact]
    public async Task Images_are_listed_with_their_names_hashes_sizes_and_times()
    {
        RealContainerd containerd = await fixture.GetAsync();
        DateTimeOffset before = DateTimeOffset.UtcNow.AddSeconds(-1);
        await containerd.ImportAsync(Archive("localhost/listed:1", "listed"));

        IReadOnlyList<ListedImage> images = await containerd.Importer.ListAsync(CancellationToken.None);

        ListedImage listed = Assert.Single(images, image => image.Name == "localhost/listed:1");
        Assert.StartsWith("sha256:", listed.Digest);
        Assert.True(listed.SizeBytes > 0);
        Assert.InRange(listed.CreatedAt, before, DateTimeOffset.UtcNow.AddSeconds(1));
        Assert.Contains(images, image => image.Name == PauseImage.Name);
        Assert.DoesNotContain(images, image => image.Name.StartsWith("sha256:", StringComparison.Ordinal));
    }

    private static async Task<T> UntilAsync<T>(Func<Task<T>> ask, Func<T, bool> holds)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        T now = await ask();
        while (!holds(now) && !limit.IsCancellationRequested)
        {
            await Task.Delay(20);
            now = await ask();
        }
        return now;
    }

    /// <summary>A program to run and the names in a file: two tests never build the same image, whose names would be those of both.</summary>
    private static byte[] Saved(string[] names, Func<byte[], byte[]>? pack = null) => DockerArchive.Write(
        names, OciArchive.Architecture, pack ?? DockerArchive.Pack,
        ("bin/busybox", File.ReadAllBytes("/usr/bin/busybox"), true), ("names", Encoding.UTF8.GetBytes(string.Join(' ', names)), false));

    private static byte[] PackAsZstd(byte[] bytes)
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, bytes);
            Tools.Run("zstd", "-q", "-1", "-f", file, "-o", file + ".zst");
            return File.ReadAllBytes(file + ".zst");
        }
        finally
        {
            File.Delete(file);
            File.Delete(file + ".zst");
        }
    }

    private static byte[] Archive(string name, string text = "text")
    {
        using var archive = new MemoryStream();
        new OciArchive { Name = name, Command = ["/none"] }.AddFile("marker", text).Write(archive);
        return archive.ToArray();
    }
}

/// <summary>A test that needs zstd beside a real containerd.</summary>
internal sealed class ZstdFactAttribute : LiveFactAttribute
{
    public ZstdFactAttribute()
    {
        if (Skip is null && !IsInstalledFirst && !File.Exists("/usr/bin/zstd"))
            LeaveOut("/usr/bin/zstd not found: apt-get install zstd");
    }
}
