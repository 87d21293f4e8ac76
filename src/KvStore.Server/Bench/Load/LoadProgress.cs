namespace KvStore.Server.Bench.Load;

/// <summary>How far a run has come.</summary>
/// <param name="Phase">What the run is doing now, in a word or two.</param>
/// <param name="Share">0 to 1, of the phase: by count or by time, whichever is further.</param>
public readonly record struct LoadProgress(string Phase, double Share, long Completed, double PerSecond);
