using System.Diagnostics;
using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Disks;

/// <summary>What one member has on its disk is harmed while it is down. It must refuse to start, or get along without harm; then the
/// operator takes it out, empties it and brings it in anew.</summary>
internal abstract class DataLoss(FaultContext context, string name) : Fault(context, name)
{
    private static readonly TimeSpan RefusalLimit = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan ReplacementLimit = TimeSpan.FromSeconds(120);

    private string _harm = "", _outcome = "";

    public override IReadOnlyList<string> Targets => [Member.Name];

    public override IReadOnlyList<RigMember> Disrupts => [Member];

    public override IEnumerable<string> Claims => [Claim.Process(Member), Claim.Disk(Member), Claim.Damage, Claim.Membership];

    public override TimeSpan Length { get; } = context.Between(4, 12);

    protected RigMember Member { get; } = context.AnyMember();

    public override async Task InjectAsync(CancellationToken cancellationToken)
    {
        Member.MayEnd = true;
        await Member.KillAsync();
        Member.IsDamaged = true;
        _harm = Harm();
        // As it was started before, by somebody who has not noticed.
        await Member.StartAsync(isKept: false);
        long start = Stopwatch.GetTimestamp();
        while (Member.IsRunning && Stopwatch.GetElapsedTime(start) < RefusalLimit && !cancellationToken.IsCancellationRequested)
            await Task.WhenAny(Member.EndedAsync(), Task.Delay(100, CancellationToken.None));
        _outcome = Member.IsRunning
            ? $"it {(Context.Observer.ViewOf(Member).IsAnswering ? "serves" : "runs")} all the same"
            : $"it refused to start with exit code {Member.LastExitCode}";
    }

    public override async Task<Effect> HealAsync()
    {
        await Member.KillAsync("the operator takes it down");
        await Context.Operator.ReplaceAsync(Member, ReplacementLimit, CancellationToken.None);
        Member.MayEnd = false;
        return new Effect(_harm.Length > 0, $"{_harm}; {_outcome}; replaced by the operator");
    }

    /// <returns>What was done, in words; empty if there was nothing to do it to.</returns>
    protected abstract string Harm();
}
