using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Node.Tests.Fake;
using Orchestrator.Runtime.Kubelet.Volumes;

namespace Orchestrator.Node.Tests.Volumes;

/// <summary>What is mounted, and whose it is.</summary>
public sealed class MountTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Mounts_below_a_folder_are_read_from_the_kernels_table_with_odd_names_and_without_neighbours()
    {
        string[] table =
        [
            "25 1 0:22 / / rw,relatime - ext4 /dev/sda rw",
            "30 25 0:30 / /pods/u1/volumes/kubernetes.io~secret/token rw - tmpfs tmpfs rw",
            @"31 25 0:31 / /pods/u1/with\040blank\134and\040more rw shared:3 - tmpfs tmpfs rw",
            "32 25 0:32 / /pods/u10/other rw - tmpfs tmpfs rw",
            "33 25 0:33 / /pods/u1 rw - tmpfs tmpfs rw",
        ];

        Assert.Equal(
            ["/pods/u1/volumes/kubernetes.io~secret/token", @"/pods/u1/with blank\and more", "/pods/u1"], LinuxMounts.Below(table, "/pods/u1"));
    }

    [Fact]
    public void A_tree_goes_once_nothing_is_mounted_in_it_the_last_mounted_first()
    {
        var mounts = new PretendMounts();
        foreach (string path in (string[])["a", "a/b"])
        {
            Directory.CreateDirectory(At(path));
            mounts.MountMemory(At(path), "");
        }

        mounts.RemoveTree(At("a"));
        mounts.RemoveTree(At("a")); // Again is no error.

        Assert.Empty(mounts.Mounted);
        Assert.False(Directory.Exists(At("a")));
    }

    [Fact]
    public void A_tree_with_a_mount_that_is_in_use_is_not_deleted_through()
    {
        var mounts = new PretendMounts { Busy = At("a/b") };
        Directory.CreateDirectory(At("a/b"));
        mounts.MountMemory(At("a/b"), "");
        File.WriteAllText(At("a/b/data"), "dear");

        Assert.Throws<IOException>(() => mounts.RemoveTree(At("a")));

        Assert.Equal("dear", File.ReadAllText(At("a/b/data")));
    }

    [Theory]
    [InlineData(false, "644", false, "664")]
    [InlineData(false, "600", true, "640")]
    [InlineData(false, "755", false, "775")]
    [InlineData(true, "755", false, "2775")]
    [InlineData(true, "700", true, "2750")]
    [InlineData(true, "1777", false, "3777")]
    public void The_group_may_do_what_the_owner_of_a_volume_may(bool isFolder, string before, bool isReadOnly, string after) =>
        Assert.Equal(after, Convert.ToString((int)VolumeOwner.ModeFor(isFolder ? FileKind.Directory : FileKind.Regular, (UnixFileMode)Convert.ToInt32(before, 8), isReadOnly), 8));

    [Fact]
    public void All_files_of_a_volume_are_given_to_the_group_but_what_its_links_lead_to()
    {
        Directory.CreateDirectory(At("volume/deep"));
        Make("volume/deep/file", 0x180);
        Make("outside", 0x180);
        File.CreateSymbolicLink(At("volume/link"), At("outside"));

        Owner(false).Apply(At("volume"), isReadOnly: false);

        Assert.Equal("2775 2775 660 600", string.Join(' ', Mode("volume"), Mode("volume/deep"), Mode("volume/deep/file"), Mode("outside")));
    }

    [Fact]
    public void A_volume_whose_root_is_right_is_not_looked_through_where_the_pod_says_so()
    {
        Directory.CreateDirectory(At("volume"));
        Owner(true).Apply(At("volume"), isReadOnly: false);
        Make("volume/file", 0x180);

        Owner(true).Apply(At("volume"), isReadOnly: false);
        string untouched = Mode("volume/file");
        Owner(false).Apply(At("volume"), isReadOnly: false);

        Assert.Equal(("600", "660"), (untouched, Mode("volume/file")));
    }

    [Theory]
    [InlineData(null, null, null, null)]
    [InlineData(1000L, null, null, 1000L)]
    [InlineData(null, 5L, 5L, 5L)]
    [InlineData(7L, 5L, null, null)]
    [InlineData(5L, 5L, null, 5L)]
    [InlineData(null, 5L, null, null)] // The other container's user is its image's.
    public void A_pods_files_are_a_users_if_all_its_containers_run_as_that_one(long? ofPod, long? ofFirst, long? ofSecond, long? user)
    {
        var spec = new PodSpec
        {
            SecurityContext = new PodSecurityContext { RunAsUser = ofPod },
            Containers =
            [
                new Container { SecurityContext = new SecurityContext { RunAsUser = ofFirst } },
                new Container { SecurityContext = new SecurityContext { RunAsUser = ofSecond } },
            ],
        };

        Assert.Equal(user, VolumeOwner.Of(spec).User);
    }

    [Theory]
    [InlineData(null, null, null)]
    [InlineData("10Mi", null, 10L << 20)]
    [InlineData(null, "64Mi", 64L << 20)]
    [InlineData("10Mi", "64Mi", 10L << 20)]
    [InlineData("1Gi", "64Mi", 64L << 20)]
    public void Memory_for_a_volume_is_what_it_asks_for_and_never_more_than_the_pod_may_use(string? asked, string? limit, long? bytes)
    {
        var source = new EmptyDirVolumeSource { Medium = "Memory", SizeLimit = asked is null ? null : Quantity.Parse(asked) };
        var container = new Container { Resources = new ResourceRequirements() };
        if (limit is not null)
            container.Resources.Limits = new() { ["memory"] = Quantity.Parse(limit) };

        Assert.Equal(bytes, EmptyDirVolume.SizeOf(source, new PodSpec { Containers = [container] }));
    }

    private VolumeOwner Owner(bool onRootMismatch) => new(LinuxFiles.StateOf(_folder.Path)!.Value.Group, null, onRootMismatch);

    private void Make(string path, int mode)
    {
        File.WriteAllText(At(path), "");
        File.SetUnixFileMode(At(path), (UnixFileMode)mode);
    }

    private string Mode(string path) => Convert.ToString((int)File.GetUnixFileMode(At(path)), 8);

    private string At(string path) => Path.Combine(_folder.Path, path);
}
