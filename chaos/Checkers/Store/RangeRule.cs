using KvStore.Protocol;
using static KvStore.Protocol.RangeRequest.Types;

namespace KvStore.Chaos.Checkers.Store;

/// <summary>What a range must answer on a given state.</summary>
/// <remarks>Where keys are equal in what they are sorted by, their order is free: etcd's sort is not stable.</remarks>
internal static class RangeRule
{
    /// <returns>What is wrong with the answer, or null.</returns>
    public static string? Disagreement(RangeRequest request, RangeResponse response, KeySpace keys)
    {
        var interval = new KeyInterval(request.Key, request.RangeEnd);
        var inRange = keys.In(interval);
        if (response.Count != inRange.Length)
            return $"it counts {response.Count} keys, there are {inRange.Length}{Example(response, inRange)}";
        if (request.CountOnly)
            return response.Kvs.Count == 0 && !response.More ? null : "it was to count only, and lists keys";
        return IsPlain(request)
            ? InKeyOrder(request, response, inRange)
            : Sorted(request, response, Chosen(request, inRange));
    }

    /// <summary>Neither sorted nor bounded by revisions.</summary>
    private static bool IsPlain(RangeRequest request) =>
        request.SortOrder != SortOrder.Descend && request.SortTarget == SortTarget.Key && !IsBounded(request);

    private static bool IsBounded(RangeRequest request) =>
        (request.MinModRevision | request.MaxModRevision | request.MinCreateRevision | request.MaxCreateRevision) != 0;

    private static string? InKeyOrder(RangeRequest request, RangeResponse response, ReadOnlySpan<KeyValue> expected)
    {
        int count = request.Limit > 0 ? (int)Math.Min(request.Limit, expected.Length) : expected.Length;
        if (response.More != count < expected.Length)
            return $"it says more={response.More}, there are {expected.Length} keys for a limit of {request.Limit}";
        if (response.Kvs.Count != count)
            return $"it lists {response.Kvs.Count} keys instead of {count}";
        for (int i = 0; i < count; i++)
        {
            if (!IsSame(response.Kvs[i], expected[i], request.KeysOnly))
                return $"it lists {Wording.Of(response.Kvs[i])}, the store has {Wording.Of(expected[i])}";
        }
        return null;
    }

    /// <summary>What is left to sort: bounds look at all keys, but a limit alone is met before an implied order.</summary>
    private static List<KeyValue> Chosen(RangeRequest request, ReadOnlySpan<KeyValue> inRange)
    {
        var chosen = new List<KeyValue>();
        bool isCutFirst = request.SortOrder == SortOrder.None && !IsBounded(request) && request.Limit > 0;
        foreach (var kv in inRange)
        {
            if (isCutFirst && chosen.Count > request.Limit)
                break;
            if (IsWithin(kv.ModRevision, request.MinModRevision, request.MaxModRevision)
                && IsWithin(kv.CreateRevision, request.MinCreateRevision, request.MaxCreateRevision))
                chosen.Add(kv);
        }
        return chosen;
    }

    private static bool IsWithin(long revision, long min, long max) => (min == 0 || revision >= min)
        && (max == 0 || revision <= max);

    private static string? Sorted(RangeRequest request, RangeResponse response, List<KeyValue> chosen)
    {
        int count = request.Limit > 0 ? (int)Math.Min(request.Limit, chosen.Count) : chosen.Count;
        if (response.More != count < chosen.Count)
            return $"it says more={response.More}, {chosen.Count} keys are chosen for a limit of {request.Limit}";
        if (response.Kvs.Count != count)
            return $"it lists {response.Kvs.Count} keys instead of {count}";
        var byKey = chosen.ToDictionary(kv => kv.Key);
        foreach (var kv in response.Kvs)
        {
            // Taken out, so that none is listed twice.
            if (!byKey.Remove(kv.Key, out var expected) || !IsSame(kv, expected, request.KeysOnly))
                return $"it lists {Wording.Of(kv)}, the store has {Wording.Of(chosen.Find(other => other.Key.Equals(kv.Key)))}";
        }
        int direction = request.SortOrder == SortOrder.Descend ? -1 : 1;
        var kept = chosen.ToDictionary(kv => kv.Key);
        chosen.Sort((left, right) => direction * Compare(request.SortTarget, left, right));
        for (int i = 0; i < count; i++)
        {
            if (Compare(request.SortTarget, kept[response.Kvs[i].Key], chosen[i]) != 0)
                return $"it is not sorted by {request.SortTarget}: at place {i + 1} is {Wording.Of(response.Kvs[i])}, not {Wording.Of(chosen[i])}";
        }
        return null;
    }

    private static int Compare(SortTarget target, KeyValue left, KeyValue right) => target switch
    {
        SortTarget.Version => left.Version.CompareTo(right.Version),
        SortTarget.Create => left.CreateRevision.CompareTo(right.CreateRevision),
        SortTarget.Mod => left.ModRevision.CompareTo(right.ModRevision),
        SortTarget.Value => KeyInterval.Compare(left.Value, right.Value),
        _ => KeyInterval.Compare(left.Key, right.Key),
    };

    private static bool IsSame(KeyValue answer, KeyValue expected, bool isKeyOnly) => isKeyOnly
        ? answer.Value.IsEmpty && answer.Key.Equals(expected.Key) && answer.ModRevision == expected.ModRevision
            && answer.CreateRevision == expected.CreateRevision && answer.Version == expected.Version
                && answer.Lease == expected.Lease
        : answer.Equals(expected);

    /// <summary>The first key that only one of the two has.</summary>
    private static string Example(RangeResponse response, ReadOnlySpan<KeyValue> inRange)
    {
        for (int i = 0; i < Math.Min(inRange.Length, response.Kvs.Count); i++)
        {
            if (!inRange[i].Key.Equals(response.Kvs[i].Key))
                return $"; it lists {Wording.Of(response.Kvs[i])} where the store has {Wording.Of(inRange[i])}";
        }
        if (response.Kvs.Count < inRange.Length)
            return $", {Wording.Of(inRange[response.Kvs.Count])} among them";
        return response.Kvs.Count > inRange.Length ? $", but not {Wording.Of(response.Kvs[inRange.Length])}" : "";
    }
}
