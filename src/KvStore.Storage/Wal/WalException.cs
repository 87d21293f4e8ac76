namespace KvStore.Storage.Wal;

/// <summary>
/// The write-ahead log is damaged, foreign, of a newer format, or failed while it was written. The member must not go on.
/// </summary>
public sealed class WalException(string message, Exception? inner = null) : IOException(message, inner);
