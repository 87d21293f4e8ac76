using Google.Protobuf;
using KvStore.Protocol;

namespace KvStore.Chaos.Checkers.Store;

/// <summary>One change of one key.</summary>
/// <param name="Before">Null when the key was not there.</param>
/// <param name="After">Null when it was deleted.</param>
/// <param name="IsCertain">False when an earlier change of the key was seen by nobody: then only key and value are known.</param>
internal sealed record StoreEvent(long Revision, ByteString Key, KeyValue? Before, KeyValue? After, bool IsCertain);
