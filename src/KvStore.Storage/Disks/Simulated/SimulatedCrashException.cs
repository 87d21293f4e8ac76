namespace KvStore.Storage.Disks.Simulated;

/// <summary>The simulated process died here. It is no <see cref="IOException"/>, so that nothing but a test handles it.</summary>
public sealed class SimulatedCrashException(string message) : Exception(message);
