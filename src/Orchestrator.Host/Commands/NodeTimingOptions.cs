using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Orchestrator.Host.Profiles;

namespace Orchestrator.Host.Commands;

/// <summary>Kubernetes' own flags about silent nodes, and their way into <see cref="NodeTimings"/>.</summary>
internal sealed class NodeTimingOptions(string hint = "")
{
    private readonly Option<string?> _monitorPeriod = Duration(NodeTimings.MonitorPeriodFlag, $"How often nodes are looked at (default: 5s{hint})");
    private readonly Option<string?> _gracePeriod = Duration(NodeTimings.MonitorGracePeriodFlag, $"How long a node may be silent before it is NotReady (default: 40s{hint})");
    private readonly Option<string?> _startupGrace = Duration(NodeTimings.StartupGracePeriodFlag, $"How long a new node may take to say its first word (default: 60s{hint})");
    private readonly Option<int?> _notReady = Seconds(NodeTimings.NotReadyTolerationFlag, $"How long pods stay on a node that is not ready (default: 300{hint})");
    private readonly Option<int?> _unreachable = Seconds(NodeTimings.UnreachableTolerationFlag, $"How long pods stay on a node that is silent (default: 300{hint})");

    private readonly Option<double?> _evictionRate = new(NodeTimings.EvictionRateFlag)
    {
        Description = $"Nodes given up per second in a zone (default: 0.1{hint})", HelpName = "RATE", CustomParser = Rate,
    };

    public IEnumerable<Option> All => [_monitorPeriod, _gracePeriod, _startupGrace, _evictionRate, _notReady, _unreachable, LeaseDuration];

    /// <summary>A node's own, also where the others are not known.</summary>
    public Option<string?> LeaseDuration { get; } = Duration(NodeTimings.LeaseDurationFlag, $"How long a node's word counts; it tells of itself four times as often (default: 40s{hint})");

    /// <param name="before">What counts where nothing is given.</param>
    /// <exception cref="CommandException">A value makes no sense.</exception>
    public NodeTimings Read(ParseResult result, NodeTimings before) => (before with
    {
        MonitorPeriod = result.GetValue(_monitorPeriod) ?? before.MonitorPeriod,
        MonitorGracePeriod = result.GetValue(_gracePeriod) ?? before.MonitorGracePeriod,
        StartupGracePeriod = result.GetValue(_startupGrace) ?? before.StartupGracePeriod,
        EvictionRate = result.GetValue(_evictionRate) ?? before.EvictionRate,
        NotReadyTolerationSeconds = result.GetValue(_notReady) ?? before.NotReadyTolerationSeconds,
        UnreachableTolerationSeconds = result.GetValue(_unreachable) ?? before.UnreachableTolerationSeconds,
        LeaseDuration = result.GetValue(LeaseDuration) ?? before.LeaseDuration,
    }).Checked();

    private static Option<string?> Duration(string name, string description) => new(name) { Description = description, HelpName = "DURATION" };

    private static Option<int?> Seconds(string name, string description) =>
        new(name) { Description = description, HelpName = "SECONDS", CustomParser = CommonOptions.OptionalNumber };

    private static double? Rate(ArgumentResult result)
    {
        string text = result.Tokens[^1].Value;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number))
            return number;
        result.AddError($"{((OptionResult)result.Parent!).Option.Name}: \"{text}\" is no number");
        return null;
    }
}
