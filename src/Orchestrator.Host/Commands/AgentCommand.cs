using System.CommandLine;
using System.Net;
using Orchestrator.Control.BootstrapTokens;
using Orchestrator.Host.Joining;
using Orchestrator.Host.Machine;
using Orchestrator.Host.Profiles;

namespace Orchestrator.Host.Commands;

/// <summary><c>orchestrator agent</c>: this machine as a further node of a cluster, in the foreground, until a signal ends it.</summary>
internal static class AgentCommand
{
    private const int LongestName = 253;

    public static Command Create()
    {
        var profileOption = CommonOptions.Profile();
        var server = new Option<string?>("--server", "-s") { Description = "URL of the cluster's API server (kept)", HelpName = "URL" };
        var token = new Option<string?>("--token", "-t")
        {
            Description = "What 'orchestrator token create' printed on the server's machine; needed once (default: $ORCHESTRATOR_TOKEN)", HelpName = "TOKEN",
        };
        var name = NodeName();
        var address = NodeIp();
        var podManifests = ServerCommandOptions.PodManifestFolder("; kept");
        var registries = ServerCommandOptions.RegistriesOption();
        var evictionHard = EvictionOptions.Hard("; kept");
        var timings = new NodeTimingOptions();
        var logs = new Option<string?>("--log-dir") { Description = "Write each part's log to a file in this directory instead of standard error", HelpName = "DIR" };
        var command = new Command("agent", "Run this machine as a further node of a cluster elsewhere, in the foreground. Its pods run on when it ends; 'orchestrator stop' ends them.")
        {
            profileOption, server, token, name, address, podManifests, registries, evictionHard, timings.LeaseDuration, logs,
        };
        CommonOptions.SetAction(command, async (result, cancellation) =>
        {
            var profile = Profile.Of(result.GetValue(profileOption)!);
            var before = ProfileSettings.Load(profile) ?? new ProfileSettings();
            if (profile.Exists && before.AgentOf is null)
                throw new CommandException($"\"{profile.Name}\" is a cluster of this machine's own: give the agent another --profile, or delete that one");
            var settings = Settle(before) with { AgentOf = ReadServer(result.GetValue(server) ?? before.AgentOf) };
            if (MachineCheck.Missing() is { } missing)
                throw new CommandException($"this machine cannot run containers: {missing}");
            string? shown = result.GetValue(token) ?? Environment.GetEnvironmentVariable("ORCHESTRATOR_TOKEN");
            var agent = new AgentSettings
            {
                Server = new Uri(settings.AgentOf),
                Token = string.IsNullOrEmpty(shown) ? null : JoinToken.Parse(shown, out string problem) ?? throw new CommandException($"--token: it {problem}"),
                NodeName = ReadNodeName(settings.NodeName),
                NodeAddress = settings.NodeIp is { } given ? HostNetwork.Parse(given) : HostNetwork.AddressOfMachine(),
                LeaseDuration = settings.Timings.Lease,
                StaticPodDirectory = ServerCommandOptions.ReadPodManifests(settings.PodManifests, profile.Directory),
                Registries = ServerCommandOptions.ReadRegistries(result.GetValue(registries), profile.Directory),
                EvictionThresholds = EvictionOptions.Read(settings.EvictionHard),
                LogDirectory = result.GetValue(logs) is { } folder ? Path.GetFullPath(folder) : null,
            };
            profile.CreateDirectories();
            settings.Save(profile);
            return await AgentProcess.RunAsync(agent, profile, cancellation);

            ProfileSettings Settle(ProfileSettings settings) => settings with
            {
                NodeName = result.GetValue(name) ?? settings.NodeName,
                NodeIp = result.GetValue(address) ?? settings.NodeIp,
                EvictionHard = result.GetValue(evictionHard) ?? settings.EvictionHard,
                PodManifests = result.GetValue(podManifests) is { } given ? ServerCommandOptions.ReadFolder(podManifests.Name, given) : settings.PodManifests,
                Timings = settings.Timings with { LeaseDuration = result.GetValue(timings.LeaseDuration) ?? settings.Timings.LeaseDuration },
            };
        });
        return command;
    }

    public static Option<string?> NodeName(string hint = "; kept") => new("--node-name") { Description = $"Name of the node (default: the machine's{hint})", HelpName = "NAME" };

    public static Option<string?> NodeIp(string hint = "; kept") => new("--node-ip")
    {
        Description = $"Address by which other nodes reach this one (default: that of the way out{hint})", HelpName = "ADDRESS",
    };

    /// <exception cref="CommandException">It cannot be a node's.</exception>
    public static string ReadNodeName(string? given)
    {
        string name = given ?? Dns.GetHostName().ToLowerInvariant();
        bool isName = name.Length is > 0 and <= LongestName && char.IsAsciiLetterOrDigit(name[0]) && char.IsAsciiLetterOrDigit(name[^1])
            && name.All(letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter is '-' or '.');
        return isName ? name : throw new CommandException($"--node-name: \"{name}\" is no node's name: it takes lower case letters, digits, '-' and '.'");
    }

    private static string ReadServer(string? text)
    {
        if (text is null)
            throw new CommandException("--server: give the URL of the cluster's API server, and --token: 'orchestrator token create --print-join-command' on its machine prints both");
        return Uri.TryCreate(text, UriKind.Absolute, out var server) && server.Scheme == Uri.UriSchemeHttps
            ? server.GetLeftPart(UriPartial.Authority)
            : throw new CommandException($"--server: \"{text}\" is no URL of an API server: give https://HOST:PORT");
    }
}
