using Google.Protobuf;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Protocol;
using KvStore.Server.Configuration;
using KvStore.Server.Logging;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Hosting;

/// <summary>Drops old history by itself, as etcd's two modes do; only while this member leads.</summary>
/// <remarks>
/// periodic: notes the revision ten times a period (at least every six minutes) and compacts to what was noted a period ago, once
/// an hour, or once a period when that is shorter. revision: every five minutes, to the current revision less the retention.
/// One that failed is due again at the next note, or five minutes on, with the target of that time.
/// </remarks>
internal sealed class AutoCompactor : IDisposable
{
    private static readonly TimeSpan RevisionInterval = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan LongestCompactInterval = TimeSpan.FromHours(1);
    private const int NotesPerInterval = 10;

    private readonly Member _member;
    private readonly AutoCompaction _mode;
    private readonly TimeProvider _time;
    private readonly Func<CompactionRequest, Task<ApplyResult>> _propose;
    private readonly Queue<(TimeSpan At, long Revision)> _notes = [];
    private readonly TimeSpan _interval;
    private readonly ITimer _timer;
    private long _revisionAPeriodAgo;
    private TimeSpan _compactedAt;
    private Task<ApplyResult>? _outcome;
    private (TimeSpan At, long Revision) _proposed;
    private int _isRunning;

    private AutoCompactor(Member member, AutoCompaction mode, TimeProvider time, Func<CompactionRequest, Task<ApplyResult>> propose)
    {
        (_member, _mode, _time, _propose) = (member, mode, time, propose);
        _compactedAt = Now;
        _interval = mode.Period is { } period ? CompactInterval(period) / NotesPerInterval : RevisionInterval;
        _timer = time.CreateTimer(_ => Run(), null, _interval, _interval);
    }

    private TimeSpan Now => _time.GetElapsedTime(0);

    private long CompactRevision => _member.State.Store.CompactRevision;

    public static AutoCompactor? Start(Member member, AutoCompaction mode, TimeProvider time) =>
        Start(member, mode, time, request => member.Propose(CommandKind.Compaction, request.ToByteArray(), request));

    internal static AutoCompactor? Start(
        Member member, AutoCompaction mode, TimeProvider time, Func<CompactionRequest, Task<ApplyResult>> propose) =>
        mode == AutoCompaction.Off ? null : new AutoCompactor(member, mode, time, propose);

    public void Dispose() => _timer.Dispose();

    private static TimeSpan CompactInterval(TimeSpan period) => period < LongestCompactInterval ? period : LongestCompactInterval;

    private void Run()
    {
        if (Interlocked.Exchange(ref _isRunning, 1) == 1)
            return;
        try
        {
            long target = _mode.Period is { } period ? PeriodicTarget(period) : _member.State.Store.CurrentRevision - _mode.Revisions!.Value;
            bool isUnderWay = _outcome is { IsCompleted: false };
            if (!isUnderWay && target > CompactRevision && target > 0 && _member.IsLeader)
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
        while (_notes.TryPeek(out var note) && Now - note.At >= period)
            _revisionAPeriodAgo = _notes.Dequeue().Revision;
        // What counts is that the history is gone: of a proposal that failed, the outcome may only be unknown.
        if (_proposed.Revision > 0 && CompactRevision >= _proposed.Revision)
            _compactedAt = _proposed.At;
        return Now - _compactedAt < CompactInterval(period) ? 0 : _revisionAPeriodAgo;
    }

    private void Compact(long revision)
    {
        Log.Info("starting auto compaction", ("revision", revision));
        _proposed = (Now, revision);
        _outcome = _propose(new CompactionRequest { Revision = revision });
        _ = LogOutcomeAsync(revision, _outcome);
    }

    private async Task LogOutcomeAsync(long revision, Task<ApplyResult> outcome)
    {
        EtcdError? error;
        try
        {
            error = (await outcome).Error;
        }
        catch (EtcdException exception)
        {
            error = exception.Error;
        }

        // Somebody else was faster.
        if (error is null || error == EtcdError.Compacted)
            Log.Info("completed auto compaction", ("revision", revision));
        else
            Log.Warn("failed auto compaction", ("revision", revision), ("retry-interval", _interval), ("error", error.Text));
    }
}
