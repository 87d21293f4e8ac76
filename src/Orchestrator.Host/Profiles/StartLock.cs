using System.Diagnostics;
using System.Globalization;

namespace Orchestrator.Host.Profiles;

/// <summary>Held by one start of a profile from its look at what is there until its cluster is ready: of two at once, the second
/// finds the first one's cluster.</summary>
internal static class StartLock
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(50);

    /// <exception cref="CommandException">The other is not done in time.</exception>
    public static async Task<IDisposable> TakeAsync(Profile profile, TimeSpan patience, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return new FileStream(profile.StartLockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException fault) when (fault is not (FileNotFoundException or DirectoryNotFoundException))
            {
                if (watch.Elapsed > patience)
                {
                    throw new CommandException(string.Create(CultureInfo.InvariantCulture,
                        $"another start of \"{profile.Name}\" is under way, and was not done after {patience.TotalSeconds:0} s"));
                }
            }
            await Task.Delay(PollInterval, cancellation);
        }
    }
}
