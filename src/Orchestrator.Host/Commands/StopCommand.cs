using System.CommandLine;
using Orchestrator.Host.Machine;

namespace Orchestrator.Host.Commands;

/// <summary><c>orchestrator stop</c>: ends a cluster's process and its pods; its data stays.</summary>
internal static class StopCommand
{
    public static Command Create()
    {
        var profileOption = CommonOptions.Profile();
        var command = new Command("stop", "Stop a cluster. Its data stays: start brings it back.") { profileOption };
        CommonOptions.SetAction(command, async (result, cancellation) =>
        {
            var profile = CommonOptions.ExistingProfile(result.GetValue(profileOption)!);
            bool wasRunning = await ServerEnding.EndAsync(profile, cancellation);
            await NodeEnding.EndAsync(NodePlace.Of(profile));
            Console.WriteLine(wasRunning ? $"Cluster \"{profile.Name}\" is stopped." : $"Cluster \"{profile.Name}\" was not running.");
            return 0;
        });
        return command;
    }
}
