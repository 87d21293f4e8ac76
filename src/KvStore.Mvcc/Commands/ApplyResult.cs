using Google.Protobuf;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Store;
using KvStore.Mvcc.Watches;

namespace KvStore.Mvcc.Commands;

/// <summary>What a command came to: an answer or a refusal, the same on every member.</summary>
/// <param name="Response">Its header says the revision alone; the member fills in who it is. Null when refused.</param>
/// <param name="Events">The changes in their order, none when nothing changed. They are of one revision, but for a revoked lease
/// with more keys than one can change (<see cref="MvccStore.ChangesPerRevisionLimit"/>).</param>
/// <param name="Revision">The store's revision after the command.</param>
public readonly record struct ApplyResult(IMessage? Response, EtcdError? Error, StoredEvent[] Events, long Revision);
