using KvStore.Testing.Linux;
using Orchestrator.Runtime.Kubelet.Images;

namespace KvStore.Testing.Containers;

/// <summary>A small image of this machine's busybox: shell, users, a page to serve. It needs no registry.</summary>
internal static class BusyboxImage
{
    public const string Name = "localhost/busybox:1";

    /// <summary>What <c>httpd -f -h /www</c> serves.</summary>
    public const string Page = "hello from the pod\n";

    /// <param name="page">What tells one version of the image from another.</param>
    public static byte[] ToArchive(string name = Name, string page = Page)
    {
        var image = new OciArchive { Name = name, Command = ["sh"] }
            .AddFolder("bin/").AddFolder("etc/").AddFolder("tmp/").AddFolder("www/")
            .AddProgram("bin/busybox", File.ReadAllBytes("/usr/bin/busybox"))
            .AddFile("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nworker:x:1000:1000:worker:/:/bin/sh\n")
            .AddFile("etc/group", "root:x:0:\nworker:x:1000:\nextra:x:2000:worker\n")
            .AddFile("www/index.html", page);
        foreach (string applet in Tools.Run("busybox", "--list").Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(applet => applet != "busybox"))
            image.AddLink("bin/" + applet, "busybox");
        using var archive = new MemoryStream();
        image.Write(archive);
        return archive.ToArray();
    }
}
