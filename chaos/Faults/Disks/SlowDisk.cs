using System.Diagnostics;
using System.Globalization;
using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Disks;

/// <summary>A member's disk does only some writes a second.</summary>
internal sealed class SlowDisk(FaultContext context) : Fault(context, Kind)
{
    public const string Kind = "disk-slow";

    private const int ProbeWrites = 4;

    private readonly RigMember _member = context.AnyMember();
    private readonly int _writesPerSecond = context.Random.Next(10, 80);
    private string _device = "";
    private TimeSpan _probe;

    public override IReadOnlyList<string> Targets => [_member.Name];

    public override IReadOnlyList<RigMember> Disrupts => [_member];

    public override string Detail => string.Create(CultureInfo.InvariantCulture, $"{_writesPerSecond} writes a second");

    public override IEnumerable<string> Claims => [Claim.Disk(_member)];

    public override async Task InjectAsync(CancellationToken cancellationToken)
    {
        _device = _member.Disk.Device;
        _member.Cgroup.LimitWrites(_device, _writesPerSecond);
        // Seen by writes of our own from within the group.
        long start = Stopwatch.GetTimestamp();
        string probe = Path.Combine(_member.Disk.Path, "probe");
        string join = string.Join(' ', _member.Cgroup.ProcessFiles.Select(file => $"echo $$ > {file};"));
        await Shell.TryAsync("/bin/sh",
            ["-c", $"{join} exec dd if=/dev/zero of={probe} bs=4k count={ProbeWrites} oflag=dsync status=none"]);
        _probe = Stopwatch.GetElapsedTime(start);
        File.Delete(probe);
    }

    public override Task<Effect> HealAsync()
    {
        _member.Cgroup.LimitWrites(_device, 0);
        bool isSlow = _probe >= TimeSpan.FromSeconds((ProbeWrites - 1.0) / _writesPerSecond);
        return Task.FromResult(new Effect(isSlow, string.Create(
            CultureInfo.InvariantCulture, $"{ProbeWrites} synced writes took {_probe.TotalMilliseconds:F0} ms")));
    }
}
