namespace KvStore.Crash.Tests;

/// <summary>How long a test waits for a condition before it fails; on a quiet machine none of them comes near.</summary>
internal static class Limits
{
    /// <summary>For a start, an end by itself, a call: generous, since other tests share the machine.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    /// <summary>What a member that is told to stop may take, open streams and load or not: a second or two where nobody else needs the
    /// processors.</summary>
    public static readonly TimeSpan CleanStop = TimeSpan.FromSeconds(30);
}
