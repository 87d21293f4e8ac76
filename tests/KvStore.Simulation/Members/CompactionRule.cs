using Google.Protobuf;
using KvStore.Protocol;
using KvStore.Storage.Values;

namespace KvStore.Simulation.Members;

/// <summary>Space is given back in steps, and a checkpoint may begin behind any of them: at each the values alone must be enough to
/// make the key index anew, in which no key may be that was deleted.</summary>
internal sealed class CompactionRule(IValueStore values)
{
    private readonly Dictionary<ByteString, Revision> _droppedTombstones = [];

    public CompactionStep Compact(long budgetBytes, ValuePredicate isLive)
    {
        _droppedTombstones.Clear();
        var step = values.Compact(budgetBytes, (revision, value) =>
        {
            bool isKept = isLive(revision, value);
            if (!isKept)
                Dropped(revision, value);
            return isKept;
        });
        if (_droppedTombstones.Count > 0)
            values.Scan(Outlives);
        return step;
    }

    private void Dropped(Revision revision, ReadOnlySpan<byte> value)
    {
        var change = KeyValue.Parser.ParseFrom(value);
        if (change.Version == 0 && _droppedTombstones.GetValueOrDefault(change.Key) < revision)
            _droppedTombstones[change.Key] = revision;
    }

    private void Outlives(Revision revision, ReadOnlySpan<byte> value)
    {
        var change = KeyValue.Parser.ParseFrom(value);
        bool isEnded = change.Version > 0 && _droppedTombstones.TryGetValue(change.Key, out var end) && revision < end;
        Check.Holds(!isEnded, $"a tombstone of {change.Key.ToBase64()} is gone, but what it ended at {revision} is still there");
    }
}
