namespace KvStore.Benchmarks.Reports;

/// <summary>What one round of one row has given for one server.</summary>
/// <param name="Row">Workload and number of clients, <c>put/1000</c> say, or scenario and part, <c>million/load</c>.</param>
/// <param name="Server">A <c>ServerKind</c>'s name.</param>
internal sealed record Measurement(string Row, string Server, int Round, IReadOnlyDictionary<Metric, double> Values);
