using System.Globalization;

namespace Orchestrator.Benchmark;

/// <summary>The processor time that has gone by since it was made: the cluster's, its containerd's with the children that have ended,
/// this program's, and the whole machine's.</summary>
internal sealed class MachineTime
{
    private const double TicksPerSecond = 100; // USER_HZ, which is 100 wherever Linux runs .NET.

    private readonly BenchmarkCluster _cluster;
    private readonly int _containerd;
    private readonly bool _isUp;
    private readonly double _clusterBefore;
    private readonly double _containerdBefore;
    private readonly double _ownBefore;
    private readonly double _machineBefore;

    public MachineTime(BenchmarkCluster cluster)
    {
        _cluster = cluster;
        _containerd = int.Parse(File.ReadAllText(cluster.NodeFile("containerd.pid")).Split(' ')[0], CultureInfo.InvariantCulture);
        _isUp = cluster.IsRunning;
        (_clusterBefore, _containerdBefore, _ownBefore, _machineBefore) = Read();
    }

    public override string ToString()
    {
        var (cluster, containerd, own, machine) = Read();
        return string.Create(CultureInfo.InvariantCulture,
            $"cluster {cluster - _clusterBefore:0.00} s, containerd {containerd - _containerdBefore:0.00} s, benchmark {own - _ownBefore:0.00} s, machine {machine - _machineBefore:0.00} s");
    }

    private (double Cluster, double Containerd, double Own, double Machine) Read()
    {
        // Behind the name, which is in brackets: utime, stime, cutime and cstime are fields 14 to 17.
        string[] fields = File.ReadAllText($"/proc/{_containerd}/stat").Split(") ")[1].Split(' ');
        string[] machine = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return (
            _isUp ? _cluster.ProcessorTime().TotalSeconds : 0,
            fields[11..15].Sum(Seconds),
            Environment.CpuUsage.TotalTime.TotalSeconds,
            Seconds(machine[1]) + Seconds(machine[2]) + Seconds(machine[3]) + Seconds(machine[6]) + Seconds(machine[7]));
    }

    private static double Seconds(string ticks) => long.Parse(ticks, CultureInfo.InvariantCulture) / TicksPerSecond;
}
