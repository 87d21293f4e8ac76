namespace KvStore.Benchmarks;

/// <summary>The benchmark cannot be run here, or broke off; the message says what to do.</summary>
internal sealed class BenchmarkException(string message) : Exception(message);
