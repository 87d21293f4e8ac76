using System.Globalization;
using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Processes;

/// <summary>A member's wall clock jumps, by seconds to an hour, and back in the end.</summary>
internal sealed class ClockJump : Fault
{
    public const string Kind = "clock";

    private readonly RigMember _member;
    private readonly TimeSpan _offset;

    public ClockJump(FaultContext context) : base(context, Kind)
    {
        _member = context.AnyMember();
        double seconds = Math.Pow(10, context.Random.NextDouble() * Math.Log10(3600));
        _offset = TimeSpan.FromSeconds(context.Random.Next(2) == 0 ? seconds : -seconds);
    }

    public override IReadOnlyList<string> Targets => [_member.Name];

    public override string Detail => string.Create(CultureInfo.InvariantCulture, $"{_offset.TotalSeconds:+0.0;-0.0} s");

    public override IEnumerable<string> Claims => [Claim.Clock(_member)];

    public override Task InjectAsync(CancellationToken cancellationToken)
    {
        _member.Clock.Set(_offset);
        return Task.CompletedTask;
    }

    public override Task<Effect> HealAsync()
    {
        _member.Clock.Set(TimeSpan.Zero);
        bool isSeen = _member.ProcessId is var id and not 0 && Maps(id);
        string asks = isSeen ? "asks" : "does not ask";
        return Task.FromResult(new Effect(isSeen, $"the process {asks} the library for the time"));
    }

    // A program that is linked statically is started with the library and does not load it.
    private static bool Maps(int processId)
    {
        try
        {
            return File.ReadLines($"/proc/{processId}/maps").Any(line => line.Contains("libfaketime", StringComparison.Ordinal));
        }
        catch (IOException)
        {
            return false;
        }
    }
}
