namespace KvStore.Server.Telemetry;

internal static class Buckets
{
    /// <summary>Prometheus' own default, for histograms of RPCs.</summary>
    public static readonly double[] Default = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10];

    /// <summary>Upper bounds, each <paramref name="factor"/> times the one before.</summary>
    public static double[] Exponential(double start, double factor, int count)
    {
        double[] bounds = new double[count];
        for (int i = 0; i < count; i++)
            bounds[i] = start * Math.Pow(factor, i);
        return bounds;
    }
}
