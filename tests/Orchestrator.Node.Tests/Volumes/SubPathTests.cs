using Microsoft.Win32.SafeHandles;
using Orchestrator.Node.Tests.Fake;
using Orchestrator.Runtime.Kubelet.Volumes;

namespace Orchestrator.Node.Tests.Volumes;

/// <summary>Parts of volumes, where whoever fills the volume may be an enemy.</summary>
public sealed class SubPathTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public SubPathTests()
    {
        Directory.CreateDirectory(Volume("data/deep"));
        File.WriteAllText(Volume("data/file"), "inside");
        Directory.CreateDirectory(Path.Combine(_folder.Path, "outside"));
        File.WriteAllText(Path.Combine(_folder.Path, "outside", "secret"), "outside");
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("data", "data")]
    [InlineData("data/file", "data/file")]
    [InlineData("./data//deep/", "data/deep")]
    [InlineData("data/../data/file", "data/file")]
    public void A_part_is_found_below_the_volume(string path, string found) => Assert.Equal(Volume(found), Open(path));

    [Fact]
    public void Links_are_followed_as_long_as_they_stay_in_the_volume()
    {
        File.CreateSymbolicLink(Volume("near"), "data/file");
        File.CreateSymbolicLink(Volume("data/round"), "../data/deep");

        Assert.Equal(Volume("data/file"), Open("near"));
        Assert.Equal(Volume("data/deep"), Open("data/round"));
    }

    [Theory]
    [InlineData("out", "../outside", "out")]
    [InlineData("out", "../outside", "out/secret")]
    [InlineData("out", "/etc", "out")]
    [InlineData("out", "/etc", "out/passwd")]
    [InlineData("data/out", "../../outside", "data/out/new")]
    [InlineData("out", "/proc/self/root", "out/etc")]
    [InlineData("loop", "loop", "loop")]
    public void A_link_that_leads_out_is_refused_and_nothing_is_made_there(string link, string target, string path)
    {
        File.CreateSymbolicLink(Volume(link), target);

        Assert.Throws<UnauthorizedAccessException>(() => Open(path));

        Assert.Equal(["secret"], Directory.GetFileSystemEntries(Path.Combine(_folder.Path, "outside")).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("..")]
    [InlineData("../outside")]
    [InlineData("data/../../outside/secret")]
    [InlineData("new/../../outside")]
    [InlineData("/etc")]
    public void A_path_that_leads_out_is_refused(string path) => Assert.Throws<UnauthorizedAccessException>(() => Open(path));

    [Fact]
    public void A_link_to_nothing_is_not_made_into_something_elsewhere()
    {
        File.CreateSymbolicLink(Volume("dangling"), "../outside/new");

        Assert.ThrowsAny<SystemException>(() => Open("dangling/more"));

        Assert.False(Path.Exists(Path.Combine(_folder.Path, "outside", "new")));
    }

    [Fact]
    public void What_is_missing_is_made_as_folders_with_the_volumes_own_mode()
    {
        File.SetUnixFileMode(Volume(""), (UnixFileMode)0x1FF);

        Assert.Equal(Volume("data/new/er"), Open("data/new/er"));

        Assert.Equal(0x1FF, (int)File.GetUnixFileMode(Volume("data/new")));
        Assert.Equal(0x1FF, (int)File.GetUnixFileMode(Volume("data/new/er")));
    }

    [Fact]
    public async Task Somebody_who_swaps_a_folder_and_a_link_all_the_time_gets_nobody_out()
    {
        using var ending = new CancellationTokenSource();
        Task swapping = Task.Run(() =>
        {
            while (!ending.IsCancellationRequested)
                Swap();
        });
        var seen = new HashSet<string>();

        for (int i = 0; i < 2000; i++)
        {
            try
            {
                seen.Add(Open("victim/made"));
            }
            catch (Exception e) when (e is UnauthorizedAccessException or IOException)
            {
                continue; // It was the link at that moment, or nothing.
            }
        }
        await ending.CancelAsync();
        try
        {
            await swapping;
        }
        catch (IOException)
        {
            // A folder was filled while it was deleted.
        }

        Assert.All(seen, path => Assert.StartsWith(Volume(""), path));
        Assert.Equal(["secret"], Directory.GetFileSystemEntries(Path.Combine(_folder.Path, "outside")).Select(Path.GetFileName));
    }

    [Fact]
    public void A_part_is_bound_by_its_handle_to_a_place_of_its_container()
    {
        var mounts = new PretendMounts();
        var parts = new SubPaths(new VolumeFolders(_folder.Path, "uid"), mounts);

        string folder = parts.Prepare(Volume(""), "data", "vol", "main", 0);
        string file = parts.Prepare(Volume(""), "data/file", "vol", "main", 1);

        Assert.Equal(Path.Combine(_folder.Path, "uid", "volume-subpaths", "vol", "main", "0"), folder);
        Assert.True(Directory.Exists(folder));
        Assert.True(File.Exists(file));
        Assert.Equal([folder, file], mounts.Mounted);
        Assert.All(mounts.Made, made => Assert.StartsWith("bind /proc/self/fd/", made));
    }

    [Fact]
    public void The_place_of_an_earlier_life_is_given_to_what_the_path_names_now()
    {
        var mounts = new PretendMounts();
        var parts = new SubPaths(new VolumeFolders(_folder.Path, "uid"), mounts);
        string first = parts.Prepare(Volume(""), "data", "vol", "main", 0);
        Directory.Move(Volume("data"), Volume("old"));
        File.WriteAllText(Volume("data"), "a file now");

        string second = parts.Prepare(Volume(""), "data", "vol", "main", 0);

        Assert.Equal(first, second);
        Assert.True(File.Exists(second));
        Assert.Equal([second], mounts.Mounted);
    }

    private void Swap()
    {
        foreach (string name in (string[])["victim", "aside"])
        {
            if (LinuxFiles.StateOfLink(Volume(name))?.Kind == FileKind.Directory)
                Directory.Delete(Volume(name), recursive: true);
            else
                File.Delete(Volume(name));
        }
        File.Delete(Volume("evil"));
        File.CreateSymbolicLink(Volume("evil"), "../outside");
        try
        {
            Directory.CreateDirectory(Volume("victim"));
            LinuxFiles.Rename(Volume("victim"), Volume("aside"));
            LinuxFiles.Rename(Volume("evil"), Volume("victim"));
            LinuxFiles.Rename(Volume("victim"), Volume("evil"));
            LinuxFiles.Rename(Volume("aside"), Volume("victim"));
        }
        catch (IOException)
        {
            // The other side has made a folder of that name meanwhile.
        }
    }

    private string Volume(string path) => Path.Combine(_folder.Path, "volume", path);

    /// <returns>What was opened: its whole path.</returns>
    private string Open(string path)
    {
        using SafeFileHandle root = LinuxFiles.Open(Volume(""));
        using SafeFileHandle found = SubPaths.OpenOrMake(root, path);
        return new FileInfo(LinuxFiles.PathOf(found)).LinkTarget!;
    }
}
