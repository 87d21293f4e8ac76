using Google.Protobuf;
using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;
using static KvStore.Protocol.Compare.Types;

namespace KvStore.Chaos.Checkers.Locks;

/// <summary>Locks with fencing: what a lock guards is written by its holder only, in the order in which they queued.</summary>
/// <remarks>
/// <code>
/// k/a/1  created at 5     a waiter; the one created first holds k/a until its key is gone
/// k/a/2  created at 7
/// txn If(create of k/a/1 = 5) Then(put ...)     guarded by the token 5; refused once k/a/1 is gone
/// </code>
/// That two clients believe at once to hold a lock is not excluded, by no lock service: only what is guarded counts.
/// </remarks>
internal sealed class LockChecker
{
    public const string Name = "locks";
    public const string Prefix = "k/";

    private static readonly KeyInterval Keys = KeyInterval.Prefix(Prefix);

    private readonly CheckResult _result = new(Name);
    private readonly Dictionary<ByteString, LockQueue> _locks = [];

    public static CheckResult Check(Timeline timeline)
    {
        var checker = new LockChecker();
        for (long revision = Timeline.FirstRevision + 1; revision <= timeline.LastRevision; revision++)
        {
            var changes = timeline.EventsAt(revision);
            if (timeline.CauseOf(revision).Operation is { } operation && GuardOf(operation.Request) is { } guard
                && IsDone(guard, changes))
                checker.CheckGuarded(operation, guard, revision, timeline.SeenAt(revision));
            foreach (var change in changes)
                checker.Follow(change);
            // A lease may have ended there, and a waiter's key with it.
            if (timeline.CauseOf(revision).Kind == CauseKind.Unseen)
                checker.LeaveUncertain();
        }
        checker._result.Count("locks", checker._locks.Count);
        return checker._result;
    }

    /// <summary>The name of the lock that a waiter's key belongs to.</summary>
    private static ByteString? LockOf(ByteString key)
    {
        int end = key.Span.LastIndexOf((byte)'/');
        return Keys.Contains(key) && end >= Prefix.Length ? ByteString.CopyFrom(key.Span[..end]) : null;
    }

    /// <summary>The compare with a waiter's token; null when the request is none that is guarded.</summary>
    private static Guard? GuardOf(Request request)
    {
        if (request.Txn is not { } txn)
            return null;
        var token = txn.Compare.FirstOrDefault(compare => compare is { Target: CompareTarget.Create, Result: CompareResult.Equal,
            CreateRevision: > 0 });
        if (token is null || LockOf(token.Key) is not { } name
            || OperationFacts.Puts(txn.Success).FirstOrDefault() is not { } put)
            return null;
        return new Guard(name, token.Key, token.CreateRevision, put.Key);
    }

    private static bool IsDone(Guard guard, ReadOnlySpan<StoreEvent> changes)
    {
        foreach (var change in changes)
        {
            if (change.Key.Equals(guard.Guarded))
                return true;
        }
        return false;
    }

    private void CheckGuarded(Operation operation, Guard guard, long revision, long at)
    {
        var queue = QueueOf(guard.Lock);
        _result.Count("guarded writes");
        if (queue.IsUncertain)
        {
            _result.Count("guarded writes not judged for unseen changes");
            return;
        }
        string what = $"{Wording.Of(operation)} wrote under the guard of {Wording.Of(guard.Lock)} with the token {guard.Token} at revision {revision}";
        if (guard.Token < queue.LastToken)
            Violate("token went back", $"{what}, after one with the token {queue.LastToken}");
        else if (!queue.Waiters.TryGetValue(guard.Token, out var waiter) || !waiter.Equals(guard.Waiter))
            Violate("stale holder", $"{what}, though its key {Wording.Of(guard.Waiter)} of that token was gone");
        else if (queue.Waiters.First() is var first && first.Key != guard.Token)
            Violate("not the first", $"{what}, though {Wording.Of(first.Value)} with the token {first.Key} queued before it");
        if (guard.Token > queue.LastToken)
            _result.Count("holders");
        queue.LastToken = Math.Max(queue.LastToken, guard.Token);

        void Violate(string kind, string sentence) =>
            _result.Violate(kind, sentence, operation.Outcome == Outcome.Ok ? operation.ReturnedAt : at, Evidence.Of(operation));
    }

    private void Follow(StoreEvent change)
    {
        if (LockOf(change.Key) is not { } name)
            return;
        var queue = QueueOf(name);
        queue.IsUncertain |= !change.IsCertain;
        if (change.Before is not null)
            queue.Waiters.Remove(change.Before.CreateRevision);
        if (change.After is not null)
            queue.Waiters[change.After.CreateRevision] = change.Key;
    }

    private void LeaveUncertain()
    {
        foreach (var queue in _locks.Values)
            queue.IsUncertain |= queue.Waiters.Count > 0;
    }

    private LockQueue QueueOf(ByteString name)
    {
        if (!_locks.TryGetValue(name, out var queue))
            _locks.Add(name, queue = new LockQueue());
        return queue;
    }

    private readonly record struct Guard(ByteString Lock, ByteString Waiter, long Token, ByteString Guarded);

    private sealed class LockQueue
    {
        /// <summary>Keys by their create revision: the first is the holder.</summary>
        public SortedDictionary<long, ByteString> Waiters { get; } = [];

        public long LastToken { get; set; }

        public bool IsUncertain { get; set; }
    }
}
