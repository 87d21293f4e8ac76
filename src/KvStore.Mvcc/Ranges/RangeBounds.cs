using KvStore.Mvcc.Index;
using KvStore.Protocol;
using static KvStore.Protocol.RangeRequest.Types;

namespace KvStore.Mvcc.Ranges;

/// <summary>The bounds that a range request sets on revisions: inclusive, and 0 sets none.</summary>
internal readonly struct RangeBounds(RangeRequest request)
{
    private readonly long _minMod = request.MinModRevision;
    private readonly long _maxMod = request.MaxModRevision;
    private readonly long _minCreate = request.MinCreateRevision;
    private readonly long _maxCreate = request.MaxCreateRevision;

    public bool IsAny => (_minMod | _maxMod | _minCreate | _maxCreate) != 0;

    public bool Contain(in KeyState state) =>
        (_minMod == 0 || state.Mod.Main >= _minMod)
        && (_maxMod == 0 || state.Mod.Main <= _maxMod)
        && (_minCreate == 0 || state.Create >= _minCreate)
        && (_maxCreate == 0 || state.Create <= _maxCreate);
}

/// <summary>The order that a range request asks for.</summary>
internal readonly struct RangeOrder(RangeRequest request)
{
    private readonly SortTarget _target = request.SortTarget;
    private readonly bool _isDescending = request.SortOrder == SortOrder.Descend;

    /// <summary>The order in which the index visits keys: nothing need be sorted.</summary>
    public bool IsByKey => _target == SortTarget.Key && !_isDescending;

    public bool IsByValue => _target == SortTarget.Value;

    /// <summary>Sorts what comes in key order; equal ones keep it, so that the answer is the same on every member.</summary>
    public void Sort(List<SelectedKey> keys)
    {
        if (IsByKey)
            return;
        var comparison = Comparison();
        if (_isDescending)
        {
            var ascending = comparison;
            comparison = (left, right) => ascending(right, left);
        }
        var sorted = keys.ToArray();
        var positions = new int[sorted.Length];
        for (int i = 0; i < positions.Length; i++)
            positions[i] = i;
        Array.Sort(positions, (left, right) =>
        {
            int order = comparison(sorted[left], sorted[right]);
            return order != 0 ? order : left.CompareTo(right);
        });
        for (int i = 0; i < positions.Length; i++)
            keys[i] = sorted[positions[i]];
    }

    private Comparison<SelectedKey> Comparison() => _target switch
    {
        SortTarget.Version => (left, right) => left.State.Version.CompareTo(right.State.Version),
        SortTarget.Create => (left, right) => left.State.Create.CompareTo(right.State.Create),
        SortTarget.Mod => (left, right) => left.State.Mod.Main.CompareTo(right.State.Mod.Main),
        SortTarget.Value => (left, right) => left.Value.SequenceCompareTo(right.Value),
        _ => (left, right) => left.Position.CompareTo(right.Position),
    };
}

/// <summary>A key that a range will answer with, before its value is read.</summary>
internal sealed class SelectedKey(int position, in KeyState state)
{
    private readonly KeyState _state = state;

    /// <summary>Where it stands in key order.</summary>
    public int Position { get; } = position;

    public ref readonly KeyState State => ref _state;

    /// <summary>Set where only keys are asked for.</summary>
    public byte[]? Key { get; init; }

    /// <summary>The stored record; set where values are sorted.</summary>
    public byte[]? Record { get; set; }

    public ReadOnlySpan<byte> Value => Store.StoredRecord.Read(Record).ValueOf(Record);
}
