using KvStore.Mvcc.Index;
using KvStore.Mvcc.Store;
using KvStore.Protocol;
using KvStore.Storage.Values;
using static KvStore.Protocol.Compare.Types;

namespace KvStore.Mvcc.Transactions;

/// <summary>Decides a transaction's compares on the state at one revision.</summary>
internal sealed class CompareEvaluator(MvccStore store)
{
    /// <summary>Whether all compares hold; none hold trivially.</summary>
    public bool AllHold(IReadOnlyList<Compare> compares, long revision)
    {
        foreach (var compare in compares)
        {
            if (!Holds(compare, revision))
                return false;
        }
        return true;
    }

    private bool Holds(Compare compare, long revision)
    {
        var range = new KeyRange(compare.Key.Memory, compare.RangeEnd.Memory);
        using var scope = store.Index.BeginRead();
        if (range.IsSingleKey)
        {
            return store.Index.TryGet(range.Start.Span, revision, out var state)
                ? HoldsFor(compare, state)
                : HoldsForAbsent(compare);
        }
        return HoldsForRange(compare, range, revision);
    }

    /// <summary>A range holds when each of its keys does; an empty one is as an absent key.</summary>
    private bool HoldsForRange(Compare compare, in KeyRange range, long revision)
    {
        bool isAnyKey = false, holds = true;
        store.Index.Visit(range, revision, (ReadOnlySpan<byte> _, in KeyState state) =>
        {
            isAnyKey = true;
            return holds = HoldsFor(compare, state);
        });
        return isAnyKey ? holds : HoldsForAbsent(compare);
    }

    private bool HoldsFor(Compare compare, in KeyState state) => compare.Target == CompareTarget.Value
        ? Holds(compare.Result, CompareValue(compare, state.Mod))
        : Holds(compare.Result, CompareNumber(compare, state));

    /// <summary>An absent key's numbers are 0; it has no value, not even an empty one, so that no compare of it holds.</summary>
    private static bool HoldsForAbsent(Compare compare) =>
        compare.Target != CompareTarget.Value && Holds(compare.Result, CompareNumber(compare, default));

    // A wanted number or value that the request does not carry, or carries for another target, is 0 or empty.
    private static int CompareNumber(Compare compare, in KeyState state) => compare.Target switch
    {
        CompareTarget.Version => state.Version.CompareTo(compare.Version),
        CompareTarget.Create => state.Create.CompareTo(compare.CreateRevision),
        CompareTarget.Mod => state.Mod.Main.CompareTo(compare.ModRevision),
        CompareTarget.Lease => state.Lease.Value.CompareTo(compare.Lease),
        // A target that a newer client knows compares as equal, as etcd has it.
        _ => 0,
    };

    private int CompareValue(Compare compare, Revision revision)
    {
        using var reader = store.Values.OpenReader();
        if (!reader.TryRead(revision, out var record))
            throw new InvalidDataException($"the value of revision {revision} is missing from the store");
        return StoredRecord.Read(record).ValueOf(record).SequenceCompareTo(compare.Value.Span);
    }

    private static bool Holds(CompareResult result, int order) => result switch
    {
        CompareResult.Equal => order == 0,
        CompareResult.NotEqual => order != 0,
        CompareResult.Greater => order > 0,
        CompareResult.Less => order < 0,
        // As etcd has it: a result that a newer client knows holds.
        _ => true,
    };
}
