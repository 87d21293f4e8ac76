namespace KvStore.Crash.Tests.Histories;

/// <summary>The store did what no correct store does.</summary>
internal sealed class HistoryException(string message, Exception? inner = null) : Exception(message, inner);
