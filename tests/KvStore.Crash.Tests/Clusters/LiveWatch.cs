using KvStore.Crash.Tests.Histories;

namespace KvStore.Crash.Tests.Clusters;

/// <summary>A watch of all keys at one member, under way.</summary>
internal sealed class LiveWatch
{
    private readonly ClusterMember _member;
    private readonly WatchReader _reader;
    private readonly Task _reading;

    public LiveWatch(ClusterMember member, Chronicle chronicle, long from)
    {
        _member = member;
        _reader = new WatchReader(member.Client, chronicle, $"the watch at {member.Name}", from);
        _reading = _reader.ReadAsync(long.MaxValue);
    }

    public long EventCount => _reader.EventCount;

    /// <summary>Waits until everything up to this revision was told, without a gap and once.</summary>
    public Task ReachAsync(long revision) => Until.HoldsAsync(async () =>
    {
        if (_reading.IsCompleted)
            await _reading;
        return _reader.LastRevision >= revision;
    }, $"the watch at {_member.Name} tells of revision {revision}");
}
