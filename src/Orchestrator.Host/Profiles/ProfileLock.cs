namespace Orchestrator.Host.Profiles;

/// <summary>Held by the process that serves a profile, for as long as it lives: the system lets go of it, however it ends.</summary>
/// <remarks>Who holds it says so beside it. Others go by that alone: a try at the lock itself could be what keeps a server from it.</remarks>
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
        // Whole or not at all: a half of a number is another number.
        string path = Path.Combine(directory, Profile.ProcessIdFileName);
        File.WriteAllText(path + ".new", ProcessIdentity.Own.ToString());
        File.Move(path + ".new", path, overwrite: true);
        return new ProfileLock(file);
    }

    /// <summary>The process that serves the profile, or null. What an earlier one has left names nobody who lives, even where its
    /// number is given out anew.</summary>
    public static int? Holder(Profile profile)
    {
        try
        {
            return ProcessIdentity.Parse(File.ReadAllText(profile.ProcessIdFile)) is { IsAlive: true } process ? process.Id : null;
        }
        catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    public void Dispose() => _file.Dispose();
}
