using System.CommandLine;
using System.Globalization;
using Orchestrator.Host.Machine;
using Orchestrator.Host.Profiles;
using Orchestrator.Runtime.Dns;
using Orchestrator.Runtime.Security.Certificates;

namespace Orchestrator.Host.Commands;

/// <summary><c>orchestrator doctor</c>: what is wrong with the machine, a line each with what to do; exit code 1 if anything is.</summary>
internal static class DoctorCommand
{
    private const long LeastDiskBytes = 2L << 30;
    private const long LeastMemoryKibibytes = 1 << 20;
    private const int LeastWatches = 8192;

    /// <summary>Before it no version of this program was made: a clock that shows less is off, and certificates are not valid yet.</summary>
    private static readonly DateTimeOffset Earliest = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static Command Create()
    {
        var command = new Command("doctor", "Say what keeps this machine from running clusters well.");
        CommonOptions.SetAction(command, (_, _) => Task.FromResult(Run(Console.Out)));
        return command;
    }

    private static int Run(TextWriter output)
    {
        bool isWell = true;
        foreach (var (what, problem) in Checks())
        {
            output.WriteLine(problem is null ? $"[ok] {what}" : $"[!!] {what}: {problem}");
            isWell &= problem is null;
        }
        return isWell ? 0 : 1;
    }

    private static IEnumerable<(string What, string? Problem)> Checks()
    {
        yield return ("containers can run", MachineCheck.Missing());
        yield return ("the clock", DateTimeOffset.UtcNow < Earliest ? $"it shows {DateTimeOffset.UtcNow:yyyy-MM-dd}: set it, certificates are not valid yet" : null);
        yield return ("memory", MachineFacts.MemoryKibibytes(File.ReadLines("/proc/meminfo")) < LeastMemoryKibibytes ? "less than 1 GiB: pods will be killed for it" : null);
        yield return ("room for data", DiskProblem());
        if (!Profile.All().Any(HasNode))
            yield return ("room for pods", EvictionOptions.Forecast(Profile.Of(Profile.DefaultName), new ProfileSettings()));
        yield return ("name servers", HostResolvers.Read().Upstreams.Count == 0 ? "/etc/resolv.conf names none: images cannot be pulled" : null);
        yield return ("file watches", Number("/proc/sys/fs/inotify/max_user_watches") is { } watches and < LeastWatches
            ? $"fs.inotify.max_user_watches is {watches}: sysctl -w fs.inotify.max_user_watches=524288" : null);
        yield return ("filtered bridges", Directory.Exists("/proc/sys/net/bridge") ? null : "pods do not reach services of pods on their own node: modprobe br_netfilter");
        foreach (var profile in Profile.All())
            yield return ($"cluster \"{profile.Name}\"", Problem(profile));
    }

    /// <summary>A settings file that cannot be read is told about below, once.</summary>
    private static bool HasNode(Profile profile)
    {
        try
        {
            return ProfileSettings.Load(profile)?.HasNode == true;
        }
        catch (Exception fault) when (fault is CommandException or IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    public static string? DiskProblem()
    {
        string folder = Profile.Home;
        while (!Directory.Exists(folder))
            folder = Path.GetDirectoryName(folder)!;
        long free = new DriveInfo(folder).AvailableFreeSpace;
        return free < LeastDiskBytes
            ? string.Create(CultureInfo.InvariantCulture, $"{free / 1048576.0:0} MiB are free below {folder}: make room, or set ORCHESTRATOR_HOME to another disk")
            : null;
    }

    private static long? Number(string file) =>
        File.Exists(file) && long.TryParse(File.ReadAllText(file).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;

    private static string? Problem(Profile profile)
    {
        try
        {
            _ = ProfileSettings.Load(profile);
            return ProblemOf(profile);
        }
        catch (Exception fault) when (fault is CommandException or IOException or UnauthorizedAccessException)
        {
            return fault.Message; // Of another user, or damaged: the machine's other clusters are looked at all the same.
        }
    }

    private static string? ProblemOf(Profile profile)
    {
        if (ClusterCertificates.ClockProblem(Path.Combine(profile.Directory, "tls"), DateTimeOffset.UtcNow) is { } clock)
            return clock;
        bool isRunning = ProfileLock.Holder(profile) is not null;
        var place = NodePlace.Of(profile);
        if (!isRunning && Directory.Exists(place.Directory) && NodeEnding.Left(place).Any())
            return $"its process has ended and its pods run on: 'orchestrator start --profile {profile.Name}' takes them over, stop ends them";
        if (isRunning && Directory.Exists(place.Directory) && ContainerdProcess.Running(place) is null)
            return $"its containerd does not run: see 'orchestrator logs --profile {profile.Name} containerd'";
        return ProfileSettings.Load(profile) is { HasNode: true } settings ? EvictionOptions.Forecast(profile, settings) : null;
    }
}
