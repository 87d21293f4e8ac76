using Orchestrator.Api;
using Orchestrator.Host;
using Orchestrator.Host.Commands;
using Orchestrator.Runtime.Kubelet.Pressure;

namespace Orchestrator.Node.Tests.Pressure;

/// <summary>Thresholds as a kubelet's flag has them.</summary>
public sealed class EvictionThresholdTests
{
    [Theory]
    [InlineData("memory.available<100Mi,nodefs.available<10%", "memory.available<100Mi,nodefs.available<10%")]
    [InlineData(" pid.available < 10 , imagefs.inodesFree<2.5%", "imagefs.inodesFree<2.5%,pid.available<10")]
    [InlineData("nodefs.available<0%,imagefs.available<100%,nodefs.inodesFree<5%", "nodefs.inodesFree<5%")]
    [InlineData("", "")]
    public void A_list_of_thresholds_is_read_as_kubelets_read_it(string text, string read) =>
        Assert.Equal(read, string.Join(',', EvictionThresholds.Parse(text)));

    [Theory]
    [InlineData("memory.available", "\"memory.available\" is no threshold: give SIGNAL<QUANTITY or SIGNAL<PERCENTAGE, like memory.available<100Mi,nodefs.available<10%")]
    [InlineData("memory.available<", "\"memory.available<\" is no threshold: give SIGNAL<QUANTITY or SIGNAL<PERCENTAGE, like memory.available<100Mi,nodefs.available<10%")]
    [InlineData("memory.available<1<2", "\"memory.available<1<2\" is no threshold: give SIGNAL<QUANTITY or SIGNAL<PERCENTAGE, like memory.available<100Mi,nodefs.available<10%")]
    [InlineData("disk.free<1Gi", "unsupported eviction signal \"disk.free\": there are memory.available, nodefs.available, nodefs.inodesFree, imagefs.available, imagefs.inodesFree, pid.available")]
    [InlineData("memory.available<lots", "\"lots\" is no quantity")]
    [InlineData("memory.available<0", "eviction threshold memory.available must be positive: 0")]
    [InlineData("memory.available<-1Mi", "eviction threshold memory.available must be positive: -1Mi")]
    [InlineData("nodefs.available<x%", "\"x%\" is no percentage")]
    [InlineData("nodefs.available<-5%", "eviction percentage threshold nodefs.available must be >= 0% and <= 100%: -5%")]
    [InlineData("nodefs.available<101%", "eviction percentage threshold nodefs.available must be >= 0% and <= 100%: 101%")]
    [InlineData("nodefs.available<5%,nodefs.available<1Gi", "nodefs.available has two thresholds: give one")]
    public void What_is_no_threshold_is_refused_in_one_line(string text, string problem)
    {
        Assert.Equal(problem, Assert.Throws<FormatException>(() => EvictionThresholds.Parse(text)).Message);
        Assert.Equal($"--eviction-hard: {problem}", Assert.Throws<CommandException>(() => EvictionOptions.Read(text)).Message);
    }

    [Fact]
    public void Without_a_word_a_nodes_thresholds_are_a_kubelets()
    {
        Assert.Equal(
            "memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%",
            string.Join(',', EvictionOptions.Read(null)));
    }

    [Fact]
    public void What_is_to_stay_free_is_not_for_pods_to_ask_for()
    {
        var capacity = new Dictionary<string, Quantity> { ["memory"] = Quantity.Parse("4Gi"), ["ephemeral-storage"] = Quantity.Parse("100Gi"), ["cpu"] = Quantity.Parse("2") };

        var reserved = EvictionThresholds.Reserved(EvictionThresholds.Parse("memory.available<100Mi,nodefs.available<25%,imagefs.available<50%"), capacity);

        Assert.Equal("ephemeral-storage=25Gi memory=100Mi", string.Join(' ', reserved.OrderBy(entry => entry.Key).Select(entry => $"{entry.Key}={entry.Value}")));
    }

    [Theory]
    [InlineData(100, 9, 1000, 900, "only 9 % of the disk's bytes are free below /data, and with nodefs.available<10% the node has DiskPressure: it takes no pods and evicts those it has")]
    [InlineData(100, 14, 1000, 900, "only 14 % of the disk's bytes are free below /data, and with imagefs.available<15% the node has DiskPressure: it takes no pods and evicts those it has")]
    [InlineData(100, 50, 1000, 45, "only 4.5 % of the disk's inodes are free below /data, and with nodefs.inodesFree<5% the node has DiskPressure: it takes no pods and evicts those it has")]
    [InlineData(100, 50, 0, 0, null)]
    [InlineData(100, 15, 1000, 50, null)]
    public void A_disk_that_is_too_full_for_pods_is_told_before_they_come(long bytes, long available, long inodes, long free, string? told) =>
        Assert.Equal(told, PressureForecast.Of("/data", EvictionThresholds.Default, new SignalValue(available, bytes), new SignalValue(free, inodes)));
}
