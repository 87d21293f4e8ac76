namespace KvStore.Raft.Scenarios;

/// <summary>Membership changes one after the other, with the configuration and the progress that each leaves.</summary>
public sealed class ConfChangeScenario : IScenario
{
    private const int MaxInflightMessages = 10;

    private readonly ProgressTracker _tracker = new(MaxInflightMessages, maxInflightBytes: 0);

    // Grows with each command, so that a member's Next tells when its progress was made.
    private ulong _lastIndex;

    public string Run(Directive directive)
    {
        ulong lastIndex = _lastIndex++;
        var changes = ConfChangeInput.Parse(directive.Input);
        var changer = new ConfigChanger(_tracker.Config);
        var config = directive.Command switch
        {
            "simple" => changer.Simple(changes),
            "enter-joint" => changer.EnterJoint(directive.Find("autoleave")?.Flag ?? false, changes),
            "leave-joint" when changes.Count > 0 => throw new ScenarioException("this command takes no input"),
            "leave-joint" => changer.LeaveJoint(),
            _ => throw new ScenarioException("unknown command"),
        };
        _tracker.Switch(config, changer.Renewed, lastIndex);
        return $"{Describe.Config(config)}\n{Describe.Progress(_tracker.MemberList)}";
    }
}
