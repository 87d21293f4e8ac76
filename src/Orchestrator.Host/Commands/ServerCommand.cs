using System.CommandLine;
using Orchestrator.Host.Profiles;
using Orchestrator.Host.Serving;

namespace Orchestrator.Host.Commands;

/// <summary><c>orchestrator server</c>: the control plane in the foreground, until a signal ends it.</summary>
internal static class ServerCommand
{
    public static Command Create()
    {
        var profileOption = CommonOptions.Profile();
        var options = new ServerCommandOptions();
        var command = new Command("server",
            "Run a control plane in the foreground: API server, controllers, scheduler and hollow nodes, over an embedded or an outside store.")
        {
            profileOption,
        };
        foreach (var option in options.All)
            command.Options.Add(option);
        CommonOptions.SetAction(command, async (result, cancellation) =>
        {
            var profile = Profile.Of(result.GetValue(profileOption)!);
            return await ServerProcess.RunAsync(options.Read(result, profile), profile, cancellation);
        });
        return command;
    }
}
