using KvStore.Grpc;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Images;
using Orchestrator.Runtime.Kubelet.Images.Registries;

namespace Orchestrator.Node.Tests.Live;

/// <summary>The images of a real containerd.</summary>
[Collection(ContainerdCollection.Name)]
public sealed class ImageTests(ContainerdFixture fixture)
{
    [LiveFact]
    public async Task An_image_from_an_archive_is_known_by_its_name_and_can_be_removed()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await containerd.ImportAsync(Archive("localhost/archived:1", user: "1000"));

        RuntimeImage image = (await containerd.Images.ImageStatusAsync("localhost/archived:1", CancellationToken.None))!;
        IReadOnlyList<RuntimeImage> all = await containerd.Images.ListImagesAsync(CancellationToken.None);
        await containerd.Images.RemoveImageAsync("localhost/archived:1", CancellationToken.None);
        await containerd.Images.RemoveImageAsync("localhost/archived:1", CancellationToken.None);

        Assert.Equal(["localhost/archived:1"], image.RepoTags);
        Assert.True(image.SizeBytes > 0);
        Assert.Equal(1000, image.UserId);
        Assert.Contains(all, one => one.RepoTags.Contains("localhost/archived:1"));
        Assert.Contains(all, one => one.RepoTags.Contains(PauseImage.Name));
        Assert.Null(await containerd.Images.ImageStatusAsync("localhost/archived:1", CancellationToken.None));
    }

    [LiveFact]
    public async Task A_private_registry_gives_to_those_who_have_its_password()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using TestRegistry registry = await TestRegistry.StartAsync(containerd.Network, Archive("any", user: "worker"));
        PodSandboxConfig sandbox = containerd.NewSandbox("puller");
        string image = registry.Image + ":1";

        var refused = await Assert.ThrowsAsync<CriException>(() => containerd.Images.PullImageAsync(image, null, sandbox, CancellationToken.None));
        var wrong = await Assert.ThrowsAsync<CriException>(() => containerd.Images.PullImageAsync(
            image, new RegistryCredentials { Username = TestRegistry.User, Password = "a guess" }, sandbox, CancellationToken.None));
        var credentials = new RegistryCredentials { Username = TestRegistry.User, Password = TestRegistry.Password };
        RuntimeImage pulled = await containerd.Images.PullImageAsync(image, credentials, sandbox, CancellationToken.None);
        var absent = await Assert.ThrowsAsync<CriException>(() =>
            containerd.Images.PullImageAsync(registry.Image + ":2", credentials, sandbox, CancellationToken.None));

        Assert.StartsWith($"rpc error: code = Unknown desc = failed to pull and unpack image \"{image}\": ", refused.Message);
        Assert.Contains("401 Unauthorized", wrong.Message);
        Assert.StartsWith($"{registry.Image}@sha256:", pulled.Id);
        Assert.Equal([image], pulled.RepoTags);
        Assert.Equal("worker", pulled.UserName);
        Assert.Equal(pulled.Id, (await containerd.Images.ImageStatusAsync(image, CancellationToken.None))!.Id);
        Assert.Equal(StatusCode.NotFound, absent.Code);
        Assert.EndsWith($"{registry.Image}:2: not found", absent.Message);
    }

    [LiveFact]
    public async Task Images_come_from_a_registrys_mirror_that_sees_its_own_password()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using TestRegistry registry = await TestRegistry.StartAsync(containerd.Network, Archive("mirrored", user: "mirror"));
        RegistriesFile registries = RegistriesFile.Parse($$"""
            mirrors:
              docker.io: { endpoint: ["http://127.0.0.1:{{registry.Port}}"] }
              mirrored.example: { endpoint: ["http://127.0.0.1:{{registry.Port}}"], rewrite: { "^(.*)$": "private/$1" } }
            configs:
              127.0.0.1:{{registry.Port}}: { auth: { username: {{TestRegistry.User}}, password: {{TestRegistry.Password}} } }
            """, containerd.Folder);
        RegistryHosts.Write(containerd.CertificatesFolder, registries);
        PodSandboxConfig sandbox = containerd.NewSandbox("mirror");

        foreach (string image in (string[])["docker.io/library/mirrored:1", "mirrored.example/team/app:1"])
        {
            RegistryCredentials credentials = Assert.Single(registries.CredentialsFor(image));
            RuntimeImage pulled = await containerd.Images.PullImageAsync(image, credentials, sandbox, CancellationToken.None);

            Assert.Contains(image, pulled.RepoTags);
        }
        RegistryHosts.Write(containerd.CertificatesFolder, RegistriesFile.Empty);

        Assert.Contains("/v2/library/mirrored/manifests/1", registry.Asked);
        Assert.Contains("/v2/private/team/app/manifests/1", registry.Asked);
    }

    [LiveFact]
    public async Task What_images_take_of_the_disk_is_told()
    {
        RealContainerd containerd = await fixture.GetAsync();

        ImageFilesystem filesystem = Assert.Single(await containerd.Images.ImageFilesystemsAsync(CancellationToken.None));

        Assert.StartsWith(containerd.Folder, filesystem.Mountpoint);
    }

    private static byte[] Archive(string name, string user)
    {
        using var archive = new MemoryStream();
        new OciArchive { Name = name, Command = ["/none"], User = user }.AddFile("marker", name + user).Write(archive);
        return archive.ToArray();
    }
}
