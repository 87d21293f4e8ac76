namespace KvStore.Benchmarks.Reports;

/// <summary>All that was measured, and the medians over the rounds.</summary>
internal sealed class Report
{
    private readonly List<Measurement> _measurements = [];
    private readonly List<string> _failures = [];

    public IReadOnlyList<Measurement> Measurements => _measurements;

    /// <summary>In the order in which they were measured first.</summary>
    public IEnumerable<string> Rows => _measurements.Select(measurement => measurement.Row).Distinct();

    /// <summary>What could not be measured, and why.</summary>
    public IReadOnlyList<string> Failures => _failures;

    public void AddFailure(string failure) => _failures.Add(failure);

    public void Add(Measurement measurement) => _measurements.Add(measurement);

    public double? Median(string row, string server, Metric metric)
    {
        var values = _measurements
            .Where(measurement => measurement.Row == row && measurement.Server == server)
            .Where(measurement => measurement.Values.ContainsKey(metric))
            .Select(measurement => measurement.Values[metric])
            .Order()
            .ToList();
        if (values.Count == 0)
            return null;
        int middle = values.Count / 2;
        return values.Count % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }

    /// <summary>Ours over the other's; null where one of them is missing or nothing.</summary>
    public double? Ratio(string row, Metric metric)
    {
        double? ours = Median(row, "kvstore", metric), theirs = Median(row, "etcd", metric);
        return theirs == 0 ? null : ours / theirs;
    }
}
