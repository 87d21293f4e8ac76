using System.CommandLine;
using Orchestrator.Host.Machine;
using Orchestrator.Host.Profiles;
using Orchestrator.Runtime.Kubelet.Pressure;

namespace Orchestrator.Host.Commands;

/// <summary>When a node of real containers is under pressure, as commands take it and tell of it.</summary>
internal static class EvictionOptions
{
    private const string Name = "--eviction-hard";

    public static Option<string?> Hard(string hint = "") => new(Name)
    {
        Description = $"Thresholds below which the node evicts pods, as a kubelet takes them (default: {string.Join(',', EvictionThresholds.Default)}{hint})",
        HelpName = "SIGNAL<AMOUNT,...",
    };

    /// <param name="text">Null: the default.</param>
    /// <exception cref="CommandException">It is no list of thresholds.</exception>
    public static IReadOnlyList<EvictionThreshold> Read(string? text)
    {
        try
        {
            return text is null ? EvictionThresholds.Default : EvictionThresholds.Parse(text);
        }
        catch (FormatException fault)
        {
            throw new CommandException($"{Name}: {fault.Message}");
        }
    }

    /// <returns>That the profile's node is or would be useless for want of disk, and what to do; null: it is not.</returns>
    public static string? Forecast(Profile profile, ProfileSettings settings) =>
        PressureForecast.Of(NodePlace.Of(profile).Directory, Read(settings.EvictionHard)) is { } problem
            ? $"{problem}: make room, set ORCHESTRATOR_HOME to another disk, or start with lower thresholds, like {Name} 'memory.available<100Mi,nodefs.available<1Gi'"
            : null;
}
