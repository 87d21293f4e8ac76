namespace KvStore.Testing;

/// <summary>How much a test run is willing to spend: fast (a developer's loop), readme (what landing needs), long (hours).</summary>
internal static class Lanes
{
    private static readonly string Lane = Environment.GetEnvironmentVariable("KVSTORE_TEST_LANE") ?? "readme";

    public static bool IsLong => Lane == "long";

    public static bool IsFast => Lane == "fast";

    /// <summary>Picks the count for the lane that runs.</summary>
    public static int Pick(int fast, int readme, int @long) => IsLong ? @long : IsFast ? fast : readme;
}
