using System.Globalization;
using System.Text.Json.Serialization;
using Orchestrator.Api;
using Orchestrator.Control.NodeLifecycle;

namespace Orchestrator.Host.Profiles;

/// <summary>How soon a silent node is given up, and how often one tells of itself; null leaves Kubernetes' own time.</summary>
internal sealed record NodeTimings
{
    public const string MonitorPeriodFlag = "--node-monitor-period";
    public const string MonitorGracePeriodFlag = "--node-monitor-grace-period";
    public const string StartupGracePeriodFlag = "--node-startup-grace-period";
    public const string EvictionRateFlag = "--node-eviction-rate";
    public const string NotReadyTolerationFlag = "--default-not-ready-toleration-seconds";
    public const string UnreachableTolerationFlag = "--default-unreachable-toleration-seconds";
    public const string LeaseDurationFlag = "--node-lease-duration";

    private static readonly TimeSpan DefaultLeaseDuration = TimeSpan.FromSeconds(40);

    public string? MonitorPeriod { get; init; }

    public string? MonitorGracePeriod { get; init; }

    public string? StartupGracePeriod { get; init; }

    public double? EvictionRate { get; init; }

    public int? NotReadyTolerationSeconds { get; init; }

    public int? UnreachableTolerationSeconds { get; init; }

    public string? LeaseDuration { get; init; }

    [JsonIgnore]
    public TimeSpan Lease => Duration(LeaseDuration, DefaultLeaseDuration);

    [JsonIgnore]
    public NodeHealthSettings Health
    {
        get
        {
            var usual = new NodeHealthSettings();
            return usual with
            {
                MonitorPeriod = Duration(MonitorPeriod, usual.MonitorPeriod),
                GracePeriod = Duration(MonitorGracePeriod, usual.GracePeriod),
                StartupGracePeriod = Duration(StartupGracePeriod, usual.StartupGracePeriod),
                EvictionRate = EvictionRate ?? usual.EvictionRate,
            };
        }
    }

    /// <exception cref="CommandException">A value makes no sense, by itself or beside the others.</exception>
    public NodeTimings Checked()
    {
        foreach (var (flag, text) in (ReadOnlySpan<(string, string?)>)
        [
            (MonitorPeriodFlag, MonitorPeriod), (MonitorGracePeriodFlag, MonitorGracePeriod), (StartupGracePeriodFlag, StartupGracePeriod), (LeaseDurationFlag, LeaseDuration),
        ])
        {
            if (text is not null && GoDuration.Parse(text) is not { Ticks: > 0 })
                throw new CommandException($"{flag}: \"{text}\" is no duration: give one like 5s or 1m");
        }
        foreach (var (flag, seconds) in (ReadOnlySpan<(string, double?)>)
        [
            (NotReadyTolerationFlag, NotReadyTolerationSeconds), (UnreachableTolerationFlag, UnreachableTolerationSeconds), (EvictionRateFlag, EvictionRate),
        ])
        {
            if (seconds is < 0 or double.NaN)
                throw new CommandException(string.Create(CultureInfo.InvariantCulture, $"{flag}: {seconds} is less than 0"));
        }
        // A node tells of itself four times in a lease; one word may be lost.
        if (Health.GracePeriod < Lease / 2)
        {
            throw new CommandException(string.Create(CultureInfo.InvariantCulture,
                $"{MonitorGracePeriodFlag}: nodes tell of themselves every {Lease.TotalSeconds / 4:0.##} s and would be taken for dead: give at least {Lease.TotalSeconds / 2:0.##}s, or a shorter {LeaseDurationFlag}"));
        }
        return this;
    }

    /// <summary>As a command line has it.</summary>
    public IEnumerable<string> Arguments()
    {
        foreach (var (flag, value) in (IEnumerable<(string, IConvertible?)>)
        [
            (MonitorPeriodFlag, MonitorPeriod), (MonitorGracePeriodFlag, MonitorGracePeriod), (StartupGracePeriodFlag, StartupGracePeriod),
            (EvictionRateFlag, EvictionRate), (NotReadyTolerationFlag, NotReadyTolerationSeconds), (UnreachableTolerationFlag, UnreachableTolerationSeconds),
            (LeaseDurationFlag, LeaseDuration),
        ])
        {
            if (value is null)
                continue;
            yield return flag;
            yield return value.ToString(CultureInfo.InvariantCulture);
        }
    }

    private static TimeSpan Duration(string? text, TimeSpan usual) => text is null ? usual : GoDuration.Parse(text) ?? usual;
}
