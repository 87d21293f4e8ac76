using Orchestrator.Host.Machine;

namespace Orchestrator.Node.Tests.Machine;

/// <summary>What containerd's log says when it could not begin, in one line.</summary>
public sealed class ContainerdComplaintTests
{
    private const string Advice =
        ": stop the cluster, remove the folder /data/node/containerd and start the cluster again; "
        + "containers are then made anew and images pulled (what was imported has to be imported again), objects and the data of claims stay";

    private static readonly NodePlace Place = NodePlace.Of("/data", "web");

    [Theory]
    [InlineData("""time="x" level=warning msg="failed to load plugin io.containerd.metadata.v1.bolt" error="invalid database" """)]
    [InlineData("""time="x" level=warning msg="failed to load plugin" error="invalid database" id=io.containerd.metadata.v1.bolt type=io.containerd.metadata.v1""")]
    public void The_first_cause_is_told_in_the_words_of_either_generation(string line) => Assert.Equal(
        "its database /data/node/containerd/io.containerd.metadata.v1.bolt/meta.db is damaged or of another format (invalid database)" + Advice,
        Said(
            """time="x" level=warning msg="failed to load plugin io.containerd.snapshotter.v1.devmapper" error="devmapper not configured" """,
            """time="x" level=warning msg="failed to load plugin io.containerd.grpc.v1.cri" error="failed to create CRI service" """,
            line));

    [Theory]
    [InlineData("github.com/containerd/containerd/metadata.readContainer(0xc0)", "io.containerd.metadata.v1.bolt/meta.db")]
    [InlineData("github.com/containerd/containerd/snapshots/storage.GetInfo(0xc0)", "io.containerd.snapshotter.v1.overlayfs/metadata.db")]
    public void An_end_in_the_middle_of_a_database_is_that_databases(string frame, string file) => Assert.Equal(
        $"its database /data/node/containerd/{file} is damaged or of another format (panic: invalid page type: 0: 0)" + Advice,
        Said("panic: invalid page type: 0: 0", "goroutine 40 [running]:", "go.etcd.io/bbolt.(*Cursor).search(0xc0)", frame));

    [Fact]
    public void What_the_machine_lacks_is_told_without_advice_to_remove_anything() => Assert.Equal(
        "its part io.containerd.snapshotter.v1.overlayfs cannot begin: /data/\"x\" does not support d_type",
        Said("""time="x" level=warning msg="failed to load plugin io.containerd.snapshotter.v1.overlayfs" error="/data/\"x\" does not support d_type" """));

    [Theory]
    [InlineData("containerd: failed to open database file: invalid database", true)]
    [InlineData("containerd: no space left on device", false)]
    public void A_refusal_is_a_damaged_database_only_by_the_databases_own_words(string words, bool isDamaged) =>
        Assert.Equal(isDamaged, ContainerdComplaint.OfRefusal(words, Place).EndsWith(Advice, StringComparison.Ordinal));

    [Theory]
    [InlineData("panic: runtime error: index out of range")]
    [InlineData("""time="x" level=warning msg="failed to load plugin io.containerd.snapshotter.v1.zfs" error="no zfs" """)]
    public void Nothing_is_guessed(string line) => Assert.Null(Said(line));

    private static string? Said(params string[] lines) => ContainerdComplaint.In(lines, Place);
}
