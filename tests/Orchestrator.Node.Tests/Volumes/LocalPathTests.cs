using System.Diagnostics;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Control.Storage;
using Orchestrator.Node.Tests.Fake;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Volumes;
using Orchestrator.Runtime.Tests.Nodes;

namespace Orchestrator.Node.Tests.Volumes;

/// <summary>The node's part of volumes on its own disk.</summary>
public sealed class LocalPathTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly TemporaryFolder _disk = new();
    private readonly FakeKubeletApi _api = new();
    private readonly PretendMounts _mounts = new();
    private readonly SteppedTime _clock = new();
    private readonly Alarms _alarms;
    private readonly CancellationTokenSource _stopping = new();

    public LocalPathTests()
    {
        _alarms = new Alarms(_clock);
        var folders = new LocalPathFolders("n1", _disk.Path + "/", _api, _mounts, _alarms);
        _ = folders.RunAsync(_stopping.Token);
    }

    public void Dispose()
    {
        _stopping.Cancel();
        _alarms.Dispose();
        _stopping.Dispose();
        _disk.Dispose();
    }

    [Fact]
    public async Task The_folder_of_a_deleted_volume_goes_and_then_the_volume_may()
    {
        string folder = Folder("gone");

        _api.Write(Volume("gone", folder));
        await UntilAsync(() => !IsHeld("gone"), "it is let go of");

        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task The_folder_of_a_volume_that_is_to_be_kept_stays_when_its_object_goes()
    {
        string folder = Folder("kept");
        PersistentVolume volume = Volume("kept", folder);
        volume.Spec.PersistentVolumeReclaimPolicy = "Retain";

        _api.Write(volume);
        await UntilAsync(() => !IsHeld("kept"), "it is let go of");

        Assert.True(File.Exists(Path.Combine(folder, "data")));
    }

    [Theory]
    [InlineData("not deleted")]
    [InlineData("of another node")]
    [InlineData("of another provisioner")]
    [InlineData("claimed")]
    public async Task Others_are_left_alone(string what)
    {
        string folder = Folder("kept");
        PersistentVolume volume = Volume("kept", folder);
        switch (what)
        {
            case "not deleted": volume.Metadata.DeletionTimestamp = null; break;
            case "of another node": volume.Metadata.Annotations![StorageNames.SelectedNode] = "n2"; break;
            case "of another provisioner": volume.Metadata.Annotations![StorageNames.ProvisionedBy] = "example.com/x"; break;
            default: volume.Metadata.Finalizers!.Add(StorageFinalizers.Volume); break;
        }

        _api.Write(volume);
        _api.Write(Volume("after", Folder("after")));
        await UntilAsync(() => !IsHeld("after"), "a later one is let go of");

        Assert.True(IsHeld("kept"));
        Assert.True(Directory.Exists(folder));
    }

    [Theory]
    [InlineData("..")]
    [InlineData("")]
    [InlineData("a/b")]
    [InlineData("link")]
    public async Task Nothing_is_deleted_but_a_folder_of_the_provisioners_own(string path)
    {
        string outside = Directory.CreateTempSubdirectory("node-tests-outside-").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(_disk.Path, "a", "b"));
            File.CreateSymbolicLink(Path.Combine(_disk.Path, "link"), outside);

            _api.Write(Volume("evil", Path.Combine(_disk.Path, path)));
            await UntilAsync(() => !IsHeld("evil"), "it is let go of");

            Assert.True(Directory.Exists(Path.Combine(_disk.Path, "a", "b")));
            Assert.True(Directory.Exists(outside));
        }
        finally
        {
            Directory.Delete(outside);
        }
    }

    [Fact]
    public async Task A_folder_that_is_in_use_is_tried_again_and_keeps_its_volume()
    {
        string folder = Folder("busy");
        _mounts.MountMemory(folder, "");
        _mounts.Busy = folder;

        _api.Write(Volume("busy", folder));
        await UntilAsync(() => _api.Counts.GetValueOrDefault("find PersistentVolume") >= 1, "it was tried");
        bool wasHeld = IsHeld("busy");
        _mounts.Busy = null;
        await UntilAsync(() => !IsHeld("busy"), "it is let go of", () => _clock.Advance(TimeSpan.FromSeconds(1)));

        Assert.True(wasHeld);
        Assert.False(Directory.Exists(folder));
    }

    private static PersistentVolume Volume(string name, string path) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = name,
            DeletionTimestamp = DateTimeOffset.UnixEpoch,
            Finalizers = [LocalPathProvisioner.Finalizer],
            Annotations = new() { [StorageNames.ProvisionedBy] = LocalPathProvisioner.Name, [StorageNames.SelectedNode] = "n1" },
        },
        Spec = new PersistentVolumeSpec { Local = new LocalVolumeSource { Path = path } },
    };

    private string Folder(string name)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_disk.Path, name)).FullName;
        File.WriteAllText(Path.Combine(folder, "data"), "");
        return folder;
    }

    private bool IsHeld(string name) => _api.Get<PersistentVolume>(name)!.Metadata.Finalizers.OrEmpty().Contains(LocalPathProvisioner.Finalizer);

    private static async Task UntilAsync(Func<bool> holds, string what, Action? between = null)
    {
        long began = Stopwatch.GetTimestamp();
        while (!holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience, $"never: {what}");
            between?.Invoke();
            await Task.Delay(10);
        }
    }
}
