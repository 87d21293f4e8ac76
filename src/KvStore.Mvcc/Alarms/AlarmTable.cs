using KvStore.Protocol;

namespace KvStore.Mvcc.Alarms;

/// <summary>The raised alarms; raising and clearing them is replicated, so that every member refuses alike.</summary>
/// <remarks>The apply loop changes it; any thread reads the published list.</remarks>
public sealed class AlarmTable
{
    private volatile AlarmMember[] _raised = [];

    /// <summary>In the order of member and type. Do not change the messages.</summary>
    public IReadOnlyList<AlarmMember> Raised => _raised;

    /// <summary>The database of some member is full: nothing may make it larger.</summary>
    public bool IsNoSpace => IsRaised(AlarmType.Nospace);

    /// <summary>The members' data differs: nothing may be changed.</summary>
    public bool IsCorrupt => IsRaised(AlarmType.Corrupt);

    /// <summary>The raised alarms of a type, of all for <see cref="AlarmType.None"/>.</summary>
    internal IEnumerable<AlarmMember> Of(AlarmType type) =>
        _raised.Where(alarm => type == AlarmType.None || alarm.Alarm == type).Select(alarm => alarm.Clone());

    internal void Raise(ulong memberId, AlarmType type)
    {
        if (Find(memberId, type) is not null)
            return;
        var raised = new AlarmMember { MemberID = memberId, Alarm = type };
        _raised = [.. _raised.Append(raised).OrderBy(alarm => alarm.MemberID).ThenBy(alarm => alarm.Alarm)];
    }

    /// <returns>Whether it was raised.</returns>
    internal bool Clear(ulong memberId, AlarmType type)
    {
        if (Find(memberId, type) is not { } raised)
            return false;
        _raised = [.. _raised.Where(alarm => alarm != raised)];
        return true;
    }

    internal void Load(IEnumerable<AlarmMember> raised) => _raised = [.. raised];

    private AlarmMember? Find(ulong memberId, AlarmType type) =>
        Array.Find(_raised, alarm => alarm.MemberID == memberId && alarm.Alarm == type);

    private bool IsRaised(AlarmType type) => Array.Exists(_raised, alarm => alarm.Alarm == type);
}
