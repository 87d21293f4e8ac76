using System.CommandLine;
using Orchestrator.Host.Machine;
using Orchestrator.Host.Profiles;
using Orchestrator.Runtime.Security.Kubeconfigs;

namespace Orchestrator.Host.Commands;

/// <summary><c>orchestrator delete</c>: a cluster with its data and its context; nothing of it is left.</summary>
internal static class DeleteCommand
{
    public static Command Create()
    {
        var profileOption = CommonOptions.Profile();
        var all = new Option<bool>("--all") { Description = "Delete the clusters of all profiles" };
        var command = new Command("delete", "Delete a cluster, its data and its context in the kubeconfig.") { profileOption, all };
        CommonOptions.SetAction(command, async (result, cancellation) =>
        {
            IReadOnlyList<Profile> profiles = result.GetValue(all)
                ? Profile.All()
                : [CommonOptions.ExistingProfile(result.GetValue(profileOption)!)];
            foreach (var profile in profiles.Where(profile => profile.Exists))
            {
                await ServerEnding.EndAsync(profile, cancellation);
                await NodeEnding.EndAsync(NodePlace.Of(profile));
                await InstallCommand.RemoveAsync(profile);
                Directory.Delete(profile.Directory, recursive: true);
                foreach (string file in KubeconfigPaths.All())
                    RemoveContext(file, profile);
                Console.WriteLine($"Cluster \"{profile.Name}\" is deleted.");
            }
            return 0;
        });
        return command;
    }

    private static void RemoveContext(string file, Profile profile)
    {
        try
        {
            KubeconfigFile.Remove(file, profile.Name);
        }
        catch (Exception fault) when (fault is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"orchestrator: the context \"{profile.Name}\" could not be removed from {file}: {fault.Message}");
        }
    }
}
