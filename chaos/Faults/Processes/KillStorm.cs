using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Processes;

/// <summary>One after another is killed and started at once, in quick succession.</summary>
internal sealed class KillStorm(FaultContext context) : Fault(context, Kind)
{
    public const string Kind = "kill-storm";

    private readonly CancellationTokenSource _healing = new();
    private readonly (RigMember Member, TimeSpan Pause)[] _kills =
        [.. Enumerable.Range(0, 40).Select(_ => (context.AnyMember(), context.Between(.5, 3)))];
    private Task<int> _storm = Task.FromResult(0);

    public override IReadOnlyList<string> Targets => [.. Context.Members.Select(member => member.Name)];

    public override IReadOnlyList<RigMember> Disrupts => Context.Members;

    public override IEnumerable<string> Claims => Context.Members.Select(Claim.Process);

    public override TimeSpan Length { get; } = context.Between(5, 20);

    public override Task InjectAsync(CancellationToken cancellationToken)
    {
        _storm = RunAsync();
        return Task.CompletedTask;
    }

    public override async Task<Effect> HealAsync()
    {
        await _healing.CancelAsync();
        int killed = await _storm;
        _healing.Dispose();
        return new Effect(killed > 0, $"{killed} processes ended by signal 9");
    }

    private async Task<int> RunAsync()
    {
        int killed = 0;
        try
        {
            foreach (var (member, pause) in _kills)
            {
                await member.KillAsync();
                await member.StartAsync();
                killed++;
                await Task.Delay(pause, _healing.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // Healed: the last one runs again already.
        }
        return killed;
    }
}
