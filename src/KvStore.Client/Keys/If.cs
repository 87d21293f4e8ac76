using KvStore.Protocol;

namespace KvStore.Client;

/// <summary>The conditions of a <see cref="Txn"/>: <c>If.Value("a").Is("1")</c>. On a range of keys, each must meet it.</summary>
/// <remarks>A key that is not there has version, revisions and lease 0, and meets no condition on its value, not even IsNot.
/// </remarks>
public static class If
{
    /// <summary>How often the key was put since it was created.</summary>
    public static NumberCondition Version(KeyRange range) => new(range, Compare.Types.CompareTarget.Version);

    public static NumberCondition CreateRevision(KeyRange range) => new(range, Compare.Types.CompareTarget.Create);

    public static NumberCondition ModRevision(KeyRange range) => new(range, Compare.Types.CompareTarget.Mod);

    public static NumberCondition Lease(KeyRange range) => new(range, Compare.Types.CompareTarget.Lease);

    public static ValueCondition Value(KeyRange range) => new(range);

    public static Compare Exists(Bytes key) => Version(key).IsAbove(0);

    public static Compare Missing(Bytes key) => Version(key).Is(0);
}

/// <summary>One of a key's numbers, to be compared.</summary>
public readonly struct NumberCondition
{
    private readonly KeyRange _range;
    private readonly Compare.Types.CompareTarget _target;

    internal NumberCondition(KeyRange range, Compare.Types.CompareTarget target) => (_range, _target) = (range, target);

    public Compare Is(long number) => With(Compare.Types.CompareResult.Equal, number);

    public Compare IsNot(long number) => With(Compare.Types.CompareResult.NotEqual, number);

    public Compare IsAbove(long number) => With(Compare.Types.CompareResult.Greater, number);

    public Compare IsBelow(long number) => With(Compare.Types.CompareResult.Less, number);

    private Compare With(Compare.Types.CompareResult result, long number)
    {
        var compare = new Compare { Result = result, Target = _target, Key = _range.Key, RangeEnd = _range.End };
        switch (_target)
        {
            case Compare.Types.CompareTarget.Version: compare.Version = number; break;
            case Compare.Types.CompareTarget.Create: compare.CreateRevision = number; break;
            case Compare.Types.CompareTarget.Mod: compare.ModRevision = number; break;
            case Compare.Types.CompareTarget.Lease: compare.Lease = number; break;
        }

        return compare;
    }
}

/// <summary>A key's value, to be compared byte by byte.</summary>
public readonly struct ValueCondition
{
    private readonly KeyRange _range;

    internal ValueCondition(KeyRange range) => _range = range;

    public Compare Is(Bytes value) => With(Compare.Types.CompareResult.Equal, value);

    public Compare IsNot(Bytes value) => With(Compare.Types.CompareResult.NotEqual, value);

    public Compare IsAbove(Bytes value) => With(Compare.Types.CompareResult.Greater, value);

    public Compare IsBelow(Bytes value) => With(Compare.Types.CompareResult.Less, value);

    private Compare With(Compare.Types.CompareResult result, Bytes value) => new()
    {
        Result = result,
        Target = Compare.Types.CompareTarget.Value,
        Key = _range.Key,
        RangeEnd = _range.End,
        Value = value.Value,
    };
}
