namespace KvStore.Storage.Values;

/// <summary>Where a change stands in the history of the store: <see cref="Main"/> counts the transactions that changed
/// something, <see cref="Sub"/> the changes within one, from 0.</summary>
public readonly record struct Revision(long Main, long Sub = 0) : IComparable<Revision>
{
    public int CompareTo(Revision other) => Main != other.Main ? Main.CompareTo(other.Main) : Sub.CompareTo(other.Sub);

    public static bool operator <(Revision left, Revision right) => left.CompareTo(right) < 0;

    public static bool operator >(Revision left, Revision right) => left.CompareTo(right) > 0;

    public static bool operator <=(Revision left, Revision right) => left.CompareTo(right) <= 0;

    public static bool operator >=(Revision left, Revision right) => left.CompareTo(right) >= 0;

    public override string ToString() => $"{Main}/{Sub}";
}
