namespace KvStore.Server.Logging;

/// <summary>Counts the lines that a sink did not take, so that metrics can tell what the log cannot.</summary>
public static class LostLines
{
    private static long s_total;

    public static long Total => Interlocked.Read(ref s_total);

    public static string? LastReason { get; private set; }

    internal static void Count(Exception fault)
    {
        Interlocked.Increment(ref s_total);
        LastReason = fault.Message;
    }
}
