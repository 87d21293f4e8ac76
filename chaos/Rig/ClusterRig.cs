using KvStore.Chaos.Traffic;

namespace KvStore.Chaos.Rig;

/// <summary>A cluster of real processes, each with a network, a disk and a share of the processor of its own.</summary>
internal sealed class ClusterRig : IAsyncDisposable
{
    private readonly RunLedger _ledger;
    private readonly List<RigMember> _members = [];

    public ClusterRig(RigOptions options, RunLedger ledger, Recorder recorder)
    {
        (Options, _ledger, Recorder) = (options, ledger, recorder);
        Network = new RigNetwork(Path.Combine(options.WorkFolder, "namespaces"), ledger);
    }

    public RigOptions Options { get; }

    public Recorder Recorder { get; }

    public RigNetwork Network { get; }

    public IReadOnlyList<RigMember> Members => _members;

    public RigMember this[string name] => _members.First(member => member.Name == name);

    /// <summary>Where clients reach the members.</summary>
    public IReadOnlyList<MemberAddress> Addresses => [.. _members.Select(member => new MemberAddress(member.Name, member.ClientUrl))];

    /// <summary>The value of --initial-cluster with all members.</summary>
    public string InitialCluster => string.Join(',', _members.Select(member => $"{member.Name}={member.PeerUrl}"));

    public string LogFolder => Path.Combine(Options.OutFolder, "logs");

    /// <summary>Makes networks and disks.</summary>
    public async Task BuildAsync()
    {
        Directory.CreateDirectory(LogFolder);
        for (int number = 1; number <= Options.MemberCount; number++)
            _members.Add(await AddMemberAsync(number));
        await Network.BuildAsync(_members.Select(member => (member.Name, member.Number)));
    }

    /// <summary>Starts all members as a new cluster.</summary>
    public async Task StartAsync()
    {
        foreach (var member in _members)
            await member.StartAsync("new", InitialCluster);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var member in _members)
            await member.DisposeAsync();
        foreach (var member in _members)
            await RemoveAsync(member);
        await Network.RemoveAsync();
    }

    private async Task<RigMember> AddMemberAsync(int number)
    {
        string name = $"m{number}";
        var disk = new RigDisk(Path.Combine(Options.WorkFolder, name + ".img"), Path.Combine(Options.WorkFolder, "disks", name));
        var cgroup = new Cgroup($"chaos-{Options.RunId}-{name}");
        _ledger.AddLoop(disk.Image);
        _ledger.AddMount(disk.Path);
        await disk.CreateAsync(Options.DiskBytes);
        foreach (string path in cgroup.Paths)
            _ledger.AddCgroup(path);
        cgroup.Create();
        var member = new RigMember(number, Options, Network, disk, cgroup, Recorder, Path.Combine(LogFolder, name + ".log"));
        if (Options.SetsClocks)
            member.Clock.Offer();
        return member;
    }

    private static async Task RemoveAsync(RigMember member)
    {
        await member.Disk.UnmountAsync();
        member.Cgroup.Remove();
    }
}
