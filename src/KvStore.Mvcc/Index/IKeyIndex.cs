using KvStore.Mvcc.Leases;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Index;

/// <summary>Which revisions each key has: the sorted map from keys to where their values are stored.</summary>
/// <remarks>
/// Changed by the apply loop alone; read by any thread inside a <see cref="BeginRead"/> scope without a lock. Changes of a
/// revision become visible to readers when the owner publishes that revision: a reader asks at a revision and sees nothing newer.
/// The apply loop itself reads without a scope, and its visitors may put and delete. A key is never empty.
/// The worked example of one key's life (main revisions):
/// <code>
/// put@2, put@3, delete@4, put@6:   generations { 2, 3, 4(tombstone) } { 6 }
/// Compact(3) drops what no reader at or after 3 can see:   { 3, 4(tombstone) } { 6 }
/// Compact(4) keeps a tombstone that stands exactly at 4:   { 4(tombstone) } { 6 }   Compact(5):   { 6 }
/// </code>
/// </remarks>
public interface IKeyIndex : IDisposable
{
    /// <summary>Adds a version to a key, or creates it. Apply loop only.</summary>
    /// <returns>The state after the put.</returns>
    KeyState Put(ReadOnlySpan<byte> key, Revision revision, LeaseId lease);

    /// <summary>Ends the key's generation. Apply loop only. The key must live: check with <see cref="TryGet"/>.</summary>
    void Delete(ReadOnlySpan<byte> key, Revision revision);

    /// <summary>
    /// Adds a change as it once was, from a dump or a scan of the values. Only while nobody reads; the changes of a key come in
    /// ascending order, the keys in any (in key order it is fastest). Of a tombstone only <see cref="KeyState.Mod"/> counts.
    /// </summary>
    void Restore(ReadOnlySpan<byte> key, in KeyState state, bool isTombstone);

    /// <summary>The live state of a key as of <paramref name="atRevision"/> (main); false when it did not exist then.</summary>
    bool TryGet(ReadOnlySpan<byte> key, long atRevision, out KeyState state);

    /// <summary>A key's last change strictly before <paramref name="before"/>: for an event's revision, its prev_kv.</summary>
    /// <returns>False when there is none, when it was a delete, or when it is compacted.</returns>
    bool TryGetBefore(ReadOnlySpan<byte> key, Revision before, out KeyState state);

    /// <summary>Visits the range's keys that live at <paramref name="atRevision"/>, in order, until it returns false.</summary>
    void Visit(in KeyRange range, long atRevision, KeyVisitor visitor);

    /// <summary>Visits every retained change (tombstones too) of each key of the range with main revision in
    /// [<paramref name="fromRevision"/>, <paramref name="toRevision"/>]: by key, then by revision.</summary>
    void VisitHistory(in KeyRange range, long fromRevision, long toRevision, ChangeVisitor visitor);

    /// <summary>Keys of the range that live at <paramref name="atRevision"/>.</summary>
    long Count(in KeyRange range, long atRevision);

    /// <summary>Whether this change of the key is still retained (not removed by a compaction).</summary>
    bool IsRetained(ReadOnlySpan<byte> key, Revision revision);

    /// <summary>Drops what no reader at or after <paramref name="revision"/> (main) can see. Apply loop only.</summary>
    /// <remarks>
    /// Works in steps so that reads and writes go on: call again until it returns true; another revision starts anew. Reads below
    /// the revision see remains, or nothing: refusing them is the caller's business. Of a key changed more than once in the very
    /// revision compacted at, the last change stays.
    /// </remarks>
    bool Compact(long revision, int keyBudget);

    /// <summary>Keeps memory that a reader may look at from being reused until the scope ends.</summary>
    ReadScope BeginRead();

    /// <summary>Keys that have at least one retained change.</summary>
    long KeyCount { get; }

    /// <summary>Native and managed bytes held.</summary>
    long MemoryBytes { get; }
}

/// <summary>A key at one of its changes.</summary>
/// <param name="Mod">The change's revision: where the value is stored.</param>
/// <param name="Create">Main revision of the put that created the key.</param>
/// <param name="Version">Puts since the creation, this one included.</param>
public readonly record struct KeyState(Revision Mod, long Create, long Version, LeaseId Lease);

/// <param name="key">Valid during the call alone.</param>
/// <returns>Whether to go on.</returns>
public delegate bool KeyVisitor(ReadOnlySpan<byte> key, in KeyState state);

/// <param name="isTombstone">The change is a delete; of <paramref name="state"/> only <see cref="KeyState.Mod"/> counts.</param>
/// <returns>Whether to go on.</returns>
public delegate bool ChangeVisitor(ReadOnlySpan<byte> key, in KeyState state, bool isTombstone);

/// <summary>Ends a read of the index when disposed.</summary>
public readonly struct ReadScope(IReadScopeOwner? owner, int slot) : IDisposable
{
    public void Dispose() => owner?.EndRead(slot);
}

public interface IReadScopeOwner
{
    void EndRead(int slot);
}
