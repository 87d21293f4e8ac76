namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>A volume of files that the kubelet writes from objects of the API, and keeps as they are there.</summary>
/// <param name="isInMemory">Nothing of it comes to the node's disk.</param>
/// <param name="readAsync">The files as they should be now, and when they have to be renewed though nothing changes.</param>
internal sealed class WrittenVolume(
    string root, bool isInMemory, Func<CancellationToken, Task<(IReadOnlyDictionary<string, ProjectedFile> Files, DateTimeOffset? RenewAt)>> readAsync,
    VolumeOwner owner, IMounts mounts, TimeProvider clock) : IVolume
{
    private const UnixFileMode Everybody = (UnixFileMode)0x1FF; // 0777

    public string Root => root;

    public bool IsReadOnly => true;

    public bool IsLive => true;

    public DateTimeOffset? RenewAt { get; private set; }

    public async Task SetUpAsync(CancellationToken ct)
    {
        var (files, renewAt) = await readAsync(ct); // First: nothing is made for what is not there.
        if (isInMemory)
            VolumeMedia.MountMemory(mounts, root, owner, null);
        else
            MakeOnDisk();
        new AtomicWriter(root, owner, clock).Write(files);
        RenewAt = renewAt;
    }

    private void MakeOnDisk()
    {
        if (Directory.Exists(root))
            return;
        Directory.CreateDirectory(root);
        owner.Apply(root, isReadOnly: true);
        LinuxFiles.ChangeMode(root, LinuxFiles.StateOf(root)!.Value.Mode | Everybody);
    }
}
