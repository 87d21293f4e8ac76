using KvStore.Chaos.Faults.Disks;
using KvStore.Chaos.Faults.Network;
using KvStore.Chaos.Faults.Operations;
using KvStore.Chaos.Faults.Processes;

namespace KvStore.Chaos.Faults;

/// <summary>All kinds of faults by name. The next one takes a class and a line here.</summary>
internal static class FaultCatalogue
{
    private static readonly SortedDictionary<string, Func<FaultContext, Fault>> Makers = new(StringComparer.Ordinal)
    {
        [HalvesPartition.Kind] = context => new HalvesPartition(context),
        [MinorityPartition.Kind] = context => new MinorityPartition(context),
        [RingPartition.Kind] = context => new RingPartition(context),
        [BridgePartition.Kind] = context => new BridgePartition(context),
        [OneWayCut.Kind] = context => new OneWayCut(context),
        [LeaderDeaf.Kind] = context => new LeaderDeaf(context),
        [LeaderMute.Kind] = context => new LeaderMute(context),
        [PeerCut.Kind] = context => new PeerCut(context),
        [ClientCut.Kind] = context => new ClientCut(context),
        [Loss.Kind] = context => new Loss(context),
        [SlowLink.Kind] = context => new SlowLink(context),
        [MessyLink.Kind] = context => new MessyLink(context),
        [Stall.Kind] = context => new Stall(context),
        [Kill.OneKind] = Kill.One,
        [Kill.AllKind] = Kill.All,
        [KillStorm.Kind] = context => new KillStorm(context),
        [Pause.Kind] = context => new Pause(context),
        [Starvation.Kind] = context => new Starvation(context),
        [ClockJump.Kind] = context => new ClockJump(context),
        [GracefulRestart.Kind] = context => new GracefulRestart(context),
        [PowerCut.OneKind] = PowerCut.One,
        [PowerCut.ManyKind] = PowerCut.Many,
        [PowerCut.AllKind] = PowerCut.All,
        [FullDisk.Kind] = context => new FullDisk(context),
        [SlowDisk.Kind] = context => new SlowDisk(context),
        [BitFlip.Kind] = context => new BitFlip(context),
        [Wipe.Kind] = context => new Wipe(context),
        [Replacement.Kind] = context => new Replacement(context),
        [LeaderMove.Kind] = context => new LeaderMove(context),
        [CompactionFault.Kind] = context => new CompactionFault(context),
        [Defragmentation.Kind] = context => new Defragmentation(context),
    };

    public static IReadOnlyList<string> Names { get; } = [.. Makers.Keys];

    public static Fault Make(string name, FaultContext context) => Makers[name](context);
}
