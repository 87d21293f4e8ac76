using System.Globalization;

namespace Orchestrator.Host.Profiles;

/// <summary>Held by the process that serves a profile, for as long as it lives: the system lets go of it, however it ends.</summary>
internal sealed class ProfileLock : IDisposable
{
    private readonly FileStream _file;

    private ProfileLock(FileStream file) => _file = file;

    /// <param name="directory">Of the data.</param>
    /// <returns>Null when another process serves it.</returns>
    public static ProfileLock? TryTake(string directory)
    {
        FileStream file;
        try
        {
            file = new FileStream(Path.Combine(directory, Profile.LockFileName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
        // Beside it, since nobody can read the locked file itself.
        File.WriteAllText(Path.Combine(directory, Profile.ProcessIdFileName), Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        return new ProfileLock(file);
    }

    /// <summary>The process that serves the profile, or null.</summary>
    public static int? Holder(Profile profile)
    {
        if (!File.Exists(profile.LockFile))
            return null;
        try
        {
            using var probe = new FileStream(profile.LockFile, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (IOException)
        {
            string text = File.Exists(profile.ProcessIdFile) ? File.ReadAllText(profile.ProcessIdFile) : "";
            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int id) ? id : null;
        }
    }

    public void Dispose() => _file.Dispose();
}
