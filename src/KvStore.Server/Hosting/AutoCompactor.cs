using Google.Protobuf;
using KvStore.Mvcc.Commands;
using KvStore.Protocol;
using KvStore.Server.Configuration;
using KvStore.Server.Logging;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Hosting;

/// <summary>Drops old history by itself, as etcd's two modes do; only while this member leads.</summary>
/// <remarks>
/// periodic: notes the revision ten times a period (at least every six minutes) and compacts to what was noted a period ago, once
/// an hour, or once a period when that is shorter. revision: every five minutes, to the current revision less the retention.
/// </remarks>
internal sealed class AutoCompactor : IDisposable
{
    private static readonly TimeSpan RevisionInterval = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan LongestCompactInterval = TimeSpan.FromHours(1);
    private const int NotesPerInterval = 10;

    private readonly Member _member;
    private readonly AutoCompaction _mode;
    private readonly TimeProvider _time;
    private readonly Queue<(TimeSpan At, long Revision)> _notes = [];
    private readonly ITimer _timer;
    private TimeSpan _compactedAt;
    private long _compactedRevision;
    private int _isRunning;

    private AutoCompactor(Member member, AutoCompaction mode, TimeProvider time)
    {
        (_member, _mode, _time) = (member, mode, time);
        _compactedAt = Now;
        var interval = mode.Period is { } period ? CompactInterval(period) / NotesPerInterval : RevisionInterval;
        _timer = time.CreateTimer(_ => Run(), null, interval, interval);
    }

    private TimeSpan Now => _time.GetElapsedTime(0);

    public static AutoCompactor? Start(Member member, AutoCompaction mode, TimeProvider time) =>
        mode == AutoCompaction.Off ? null : new AutoCompactor(member, mode, time);

    public void Dispose() => _timer.Dispose();

    private static TimeSpan CompactInterval(TimeSpan period) => period < LongestCompactInterval ? period : LongestCompactInterval;

    private void Run()
    {
        if (Interlocked.Exchange(ref _isRunning, 1) == 1)
            return;
        try
        {
            long target = _mode.Period is { } period ? PeriodicTarget(period) : _member.State.Store.CurrentRevision - _mode.Revisions!.Value;
            if (target > _compactedRevision && target > _member.State.Store.CompactRevision && _member.IsLeader)
                Compact(target);
        }
        finally
        {
            Volatile.Write(ref _isRunning, 0);
        }
    }

    /// <returns>The revision of a period ago, when a compaction is due; else 0.</returns>
    private long PeriodicTarget(TimeSpan period)
    {
        _notes.Enqueue((Now, _member.State.Store.CurrentRevision));
        if (Now - _compactedAt < CompactInterval(period))
            return 0;
        long target = 0;
        while (_notes.TryPeek(out var note) && Now - note.At >= period)
        {
            target = note.Revision;
            _notes.Dequeue();
        }
        if (target > 0)
            _compactedAt = Now;
        return target;
    }

    private void Compact(long revision)
    {
        Log.Info("starting auto compaction", ("revision", revision));
        var request = new CompactionRequest { Revision = revision };
        _compactedRevision = revision;
        _member.Propose(CommandKind.Compaction, request.ToByteArray(), request,
            () => Log.Info("completed auto compaction", ("revision", revision)));
    }
}
