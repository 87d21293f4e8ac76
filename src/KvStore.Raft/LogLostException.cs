namespace KvStore.Raft;

/// <summary>The leader counts on entries that this node acknowledged and no longer has: its log was lost, cut short or replaced by
/// an older copy. It must not go on: it could vote again, and acknowledge what others need it to keep.</summary>
public sealed class LogLostException(ulong commit, ulong lastIndex) : Exception(
    $"tocommit({commit}) is out of range [lastIndex({lastIndex})]. Was the raft log corrupted, truncated, or lost?");
