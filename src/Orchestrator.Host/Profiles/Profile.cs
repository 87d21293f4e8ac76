using System.Text.RegularExpressions;
using Orchestrator.Runtime.Security.Certificates;

namespace Orchestrator.Host.Profiles;

/// <summary>One cluster on this machine: a name, and the directory with everything that it keeps.</summary>
/// <remarks>
/// <code>
/// HOME/profiles/NAME/   0700
///   settings.json       what start was told: the next start needs no flags
///   start.lock          locked while a start looks and waits
///   server.lock         locked while the cluster runs
///   server.pid          the process that holds it, and when it began
///   leader.id           by which its controllers and scheduler lead, whichever process runs them
///   server.log          what the process wrote before its parts had their logs
///   logs/PART.log       one for each part
///   tls/  store/        certificates and data
///   manifests/          objects that each start applies (if somebody puts them there)
///   pod-manifests/      pods that this machine's node runs whoever else of the cluster lives (if somebody puts them there)
/// </code>
/// </remarks>
internal sealed partial class Profile
{
    public const string DefaultName = "orchestrator";

    /// <summary>Where the profiles are when $ORCHESTRATOR_HOME does not say otherwise.</summary>
    private const string DefaultHome = "/var/lib/orchestrator";

    public const string LockFileName = "server.lock";

    public const string ProcessIdFileName = "server.pid";

    private const int LongestName = 63;

    private Profile(string name, string home)
    {
        Name = name;
        Directory = Path.Combine(home, "profiles", name);
    }

    public string Name { get; }

    public string Directory { get; }

    public string SettingsFile => Path.Combine(Directory, "settings.json");

    public string StartLockFile => Path.Combine(Directory, "start.lock");

    public string ProcessIdFile => Path.Combine(Directory, ProcessIdFileName);

    public string ProcessLog => Path.Combine(Directory, "server.log");

    public string Logs => Path.Combine(Directory, "logs");

    /// <exception cref="CommandException">It is another user's, and this one may not look.</exception>
    public bool Exists => ExistsFor(this) ?? throw new CommandException(
        $"{Directory} is another user's: run as root or as whoever started \"{Name}\", or set ORCHESTRATOR_HOME to a directory of your own");

    public static string Home => Environment.GetEnvironmentVariable("ORCHESTRATOR_HOME") is { Length: > 0 } home
        ? Path.GetFullPath(home)
        : DefaultHome;

    /// <exception cref="CommandException">The name cannot be a context's and a directory's.</exception>
    public static Profile Of(string name) => IsName().IsMatch(name) && name.Length <= LongestName
        ? new Profile(name, Home)
        : throw new CommandException(
            $"profile name \"{name}\" is not valid: it takes lower case letters, digits and '-', begins with a letter or digit, and has at most {LongestName} characters");

    /// <summary>All that were started and not deleted, those of other users too.</summary>
    public static IReadOnlyList<Profile> All()
    {
        string folder = Path.Combine(Home, "profiles");
        return System.IO.Directory.Exists(folder)
            ? [.. System.IO.Directory.GetDirectories(folder).Select(path => Path.GetFileName(path)!).Where(name => IsName().IsMatch(name))
                .Order(StringComparer.Ordinal).Select(name => new Profile(name, Home)).Where(profile => ExistsFor(profile) != false)]
            : [];
    }

    /// <exception cref="CommandException">This user may not write there.</exception>
    public void CreateDirectories()
    {
        try
        {
            SecretFiles.MakeDirectory(Directory);
            System.IO.Directory.CreateDirectory(Logs);
        }
        catch (Exception fault) when (fault is UnauthorizedAccessException or IOException)
        {
            throw new CommandException(
                $"cannot write to {Directory}: {fault.Message} Run as a user who may, or set ORCHESTRATOR_HOME to a directory of your own.");
        }
    }

    /// <returns>Null when this user may not look.</returns>
    private static bool? ExistsFor(Profile profile)
    {
        try
        {
            _ = File.GetAttributes(profile.SettingsFile);
            return true;
        }
        catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    private static partial Regex IsName();
}
