using Orchestrator.Node.Tests.Fake;
using Orchestrator.Runtime.Kubelet.Pressure;

namespace Orchestrator.Node.Tests.Pressure;

/// <summary>What <c>kubectl top node</c> shows: the whole machine, not the sum of its containers.</summary>
public sealed class MachineUseTests : IDisposable
{
    private static readonly SignalValue Memory = new(Available: 300, Capacity: 1000);

    private readonly TemporaryFolder _root = new();
    private readonly SteppedClock _clock = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Processor_time_is_all_that_is_not_idle_or_waiting_and_memory_all_that_is_not_available()
    {
        Write("cpu  100 20 30 4000 500 6 7 8 900 90\n");

        NodeUse use = new MachineUse(() => Memory, _clock, _root.Path).Read();

        Assert.Equal(new NodeUse((100 + 20 + 30 + 6 + 7 + 8) * 10_000_000L, 0, 700), use);
    }

    [Fact]
    public void The_rate_is_that_of_the_last_ten_seconds()
    {
        Write("cpu  0 0 0 0 0 0 0 0\n");
        var machine = new MachineUse(() => Memory, _clock, _root.Path);

        Write("cpu  200 0 0 0 0 0 0 0\n");
        _clock.Step(TimeSpan.FromSeconds(4));
        Assert.Equal(500_000_000, machine.Read().CpuNanoCores);
        _clock.Step(TimeSpan.FromSeconds(6));
        Assert.Equal(200_000_000, machine.Read().CpuNanoCores);
        _clock.Step(TimeSpan.FromMilliseconds(500));
        Assert.Equal(200_000_000, machine.Read().CpuNanoCores); // Too short a time to tell anew.
        Write("cpu  1200 0 0 0 0 0 0 0\n");
        _clock.Step(TimeSpan.FromMilliseconds(9500));
        Assert.Equal(1_000_000_000, machine.Read().CpuNanoCores);
    }

    private void Write(string stat) => File.WriteAllText(Path.Combine(_root.Path, "stat"), stat);

    private sealed class SteppedClock : TimeProvider
    {
        private DateTimeOffset _now = DateTimeOffset.UnixEpoch;

        public void Step(TimeSpan time) => _now += time;

        public override DateTimeOffset GetUtcNow() => _now;
    }
}
