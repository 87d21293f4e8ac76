using System.CommandLine;
using Orchestrator.Host.Machine;
using Orchestrator.Host.Profiles;

namespace Orchestrator.Host.Commands;

/// <summary><c>orchestrator install</c> and <c>uninstall</c>: a systemd unit, so that a reboot brings a cluster back.</summary>
internal static class InstallCommand
{
    public static Command CreateInstall()
    {
        var profileOption = CommonOptions.Profile();
        var root = Root();
        var command = new Command("install", "Let systemd start a cluster with the machine.") { profileOption, root };
        CommonOptions.SetAction(command, async (result, _) =>
        {
            var profile = CommonOptions.ExistingProfile(result.GetValue(profileOption)!);
            if (result.GetValue(root) is null && !Directory.Exists("/run/systemd/system"))
                throw new CommandException("systemd does not run this machine: let its own init call 'orchestrator start' and 'orchestrator stop'");
            string unit = UnitFile(profile, result.GetValue(root));
            try
            {
                Directory.CreateDirectory(Path.GetDirectoryName(unit)!);
                await File.WriteAllTextAsync(unit, Unit(profile, Program(), ProfileSettings.Load(profile)!.AgentOf is not null), CancellationToken.None);
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                throw new CommandException($"{unit} cannot be written: {fault.Message}");
            }
            await SystemctlAsync(result.GetValue(root), "enable", Path.GetFileName(unit));
            Console.WriteLine($"The machine starts cluster \"{profile.Name}\" when it boots ({unit}).");
            return 0;
        });
        return command;
    }

    public static Command CreateUninstall()
    {
        var profileOption = CommonOptions.Profile();
        var root = Root();
        var command = new Command("uninstall", "Take a cluster's systemd unit away again. The cluster stays as it is.") { profileOption, root };
        CommonOptions.SetAction(command, async (result, _) =>
        {
            var profile = CommonOptions.ExistingProfile(result.GetValue(profileOption)!);
            if (!await RemoveAsync(profile, result.GetValue(root)))
                throw new CommandException($"Cluster \"{profile.Name}\" is not installed: there is no {UnitFile(profile, result.GetValue(root))}");
            Console.WriteLine($"The machine does not start cluster \"{profile.Name}\" any more.");
            return 0;
        });
        return command;
    }

    /// <returns>Whether there was a unit.</returns>
    /// <exception cref="CommandException">It cannot be removed.</exception>
    public static async Task<bool> RemoveAsync(Profile profile, string? root = null)
    {
        string unit = UnitFile(profile, root);
        if (!File.Exists(unit))
            return false;
        await SystemctlAsync(root, "disable", Path.GetFileName(unit));
        File.Delete(unit);
        return true;
    }

    /// <summary>The cluster's processes belong to the unit, but ending it is stop's work, which lets pods end in their time.</summary>
    internal static string Unit(Profile profile, string program, bool isAgent = false) => isAgent ? $"""
        [Unit]
        Description=Node of a cluster ({profile.Name}) by orchestrator
        Wants=network-online.target
        After=network-online.target

        [Service]
        Type=exec
        Environment=ORCHESTRATOR_HOME={Profile.Home}
        ExecStart={program} agent --profile {profile.Name}
        ExecStop={program} stop --profile {profile.Name}
        KillMode=process
        Restart=on-failure
        RestartSec=5
        Delegate=yes
        LimitNOFILE=1048576
        TasksMax=infinity
        TimeoutStopSec=120

        [Install]
        WantedBy=multi-user.target

        """ : $"""
        [Unit]
        Description=Cluster {profile.Name} of orchestrator
        Wants=network-online.target
        After=network-online.target

        [Service]
        Type=oneshot
        RemainAfterExit=yes
        Environment=ORCHESTRATOR_HOME={Profile.Home}
        ExecStart={program} start --profile {profile.Name} --keep-context --wait 300s
        ExecStop={program} stop --profile {profile.Name}
        Delegate=yes
        LimitNOFILE=1048576
        TasksMax=infinity
        TimeoutStartSec=330
        TimeoutStopSec=120

        [Install]
        WantedBy=multi-user.target

        """;

    private static Option<string?> Root() => new("--root") { Description = "Of another system's files, not this machine's", HelpName = "DIR" };

    private static string UnitFile(Profile profile, string? root) =>
        Path.Combine(root ?? "/", "etc/systemd/system", $"orchestrator-{profile.Name}.service");

    private static string Program() => Environment.ProcessPath ?? throw new CommandException("cannot tell which program this is; start it by its path");

    private static async Task SystemctlAsync(string? root, string verb, string unit)
    {
        await MachineTool.RunAsync("systemctl", [.. root is null ? (string[])[] : ["--root", root], verb, unit]);
        if (root is null)
            await MachineTool.RunAsync("systemctl", ["daemon-reload"]);
    }
}
