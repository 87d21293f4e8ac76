using KvStore.Raft;
using KvStore.Storage.Disks;
using KvStore.Storage.Disks.Simulated;
using KvStore.Storage.Wal;
using static KvStore.Storage.Tests.Wal.LogScript;

namespace KvStore.Storage.Tests.Wal;

/// <summary>A member's use of its log, drawn from a seed, with a model of what the log owes it.</summary>
internal sealed class LogWorkload(SimulatedDisk disk, ulong seed)
{
    private readonly SeededRandom _random = new(seed);
    private readonly LogModel _model = new();
    private WriteAheadLog? _log;
    private ulong _term = 1;

    public bool IsOpen => _log is not null;

    /// <summary>Opens the log, or creates it when there is none; what it holds must be what it owes.</summary>
    public void Open(string context)
    {
        _log = WriteAheadLog.Exists(disk, LogDirectory) ? LogScript.Open(disk) : Create(disk);
        _model.AdoptRecovered(_log, context);
        _term = Math.Max(_term, Math.Max(_model.Last.Term, _model.HardState.Term));
    }

    public void Close()
    {
        _log?.Dispose();
        _log = null;
    }

    /// <summary>Some steps; a fault of the disk ends them with its exception, except where the member is to go on.</summary>
    public void Run(int steps)
    {
        for (int i = 0; i < steps; i++)
            Step(_random.Next(16));
    }

    /// <summary>After a failure every further call must fail.</summary>
    public void CheckDead()
    {
        Assert.Throws<WalException>(() => _log!.Append(Entries(_term, _model.Last.Index + 1, _model.Last.Index + 1), null));
        Assert.Throws<WalException>(_log!.Sync);
        Assert.Throws<WalException>(() => _log!.ReleaseBefore(1));
    }

    private void Step(int choice)
    {
        switch (choice)
        {
            case < 7: AppendAndSync(replaces: false); break;
            case 7: AppendAndSync(replaces: true); break;
            case 8: Append(replaces: false); break;
            case 9: AppendState(); break;
            case 10: AppendMark(); break;
            case 11: AppendRestart(); break;
            case 12: Release(); break;
            case 13: Sync(); break;
            default: Prepare(); break;
        }
    }

    private void AppendAndSync(bool replaces)
    {
        Append(replaces);
        Sync();
    }

    private void Append(bool replaces)
    {
        ulong first = _model.Last.Index + 1;
        if (replaces && _model.Last.Index > _model.FixedIndex)
        {
            _term++;
            first = _model.FixedIndex + 1 + (ulong)_random.Next((int)(_model.Last.Index - _model.FixedIndex));
        }
        // Mostly small, sometimes more than a batch, seldom more than a segment.
        int bytes = _random.Next(12) switch { 0 => 20_000, < 4 => 2500, _ => _random.Next(200) };
        var entries = Entries(_term, first, first + (ulong)_random.Next(4), bytes);
        HardState? state = _random.Chance(0.6) ? NextState(entries[^1].Index) : null;
        _model.Append(entries, state);
        _log!.Append(entries, state);
    }

    private void AppendState()
    {
        var state = NextState(_model.Last.Index);
        _model.Append([], state);
        _log!.Append([], state);
    }

    private HardState NextState(ulong last)
    {
        ulong commit = _model.FixedIndex + (ulong)_random.Next((int)(last - _model.FixedIndex) + 1);
        return new HardState(_term, new NodeId((ulong)_random.Next(3)), commit);
    }

    private void AppendMark()
    {
        if (_model.HardState.Commit <= _model.LastMark.Index)
            return;
        var mark = Mark(_model.EntryAt(_model.HardState.Commit).Term, _model.HardState.Commit, 1, 2, 3);
        _model.AppendMark(mark, isRestart: false);
        _log!.AppendMark(mark);
    }

    private void AppendRestart()
    {
        if (!_random.Chance(0.2))
            return;
        // Beyond the log's end, or among what a deposed leader left there and nobody committed.
        ulong committed = Math.Max(_model.HardState.Commit, _model.LastMark.Index);
        ulong index = _random.Chance(0.5) || committed >= _model.Last.Index
            ? _model.Last.Index + 10
            : committed + 1 + (ulong)_random.Next((int)(_model.Last.Index - committed));
        var mark = Mark(_term, index, 4, 5);
        _model.AppendMark(mark, isRestart: true);
        _log!.AppendRestart(mark);
        var state = new HardState(_term, NodeId.None, mark.Applied.Index);
        _model.Append([], state);
        _log.Append([], state);
        Sync();
    }

    private void Release()
    {
        if (_log!.Marks.Count == 0)
            return;
        ulong index = _log.Marks[0].Applied.Index + 1;
        _model.ReleaseBefore(index);
        _log.ReleaseBefore(index);
    }

    // A full disk loses nothing: the same call again does it.
    private void Sync()
    {
        try
        {
            _log!.Sync();
        }
        catch (DiskFullException)
        {
            _log!.Sync();
        }
        _model.Synced();
    }

    // The background may fail without harm to the log.
    private void Prepare()
    {
        try
        {
            _log!.TryPrepareNextSegment();
        }
        catch (IOException error) when (error is not WalException)
        {
            Assert.StartsWith("sim", error.InnerException?.Message ?? error.Message);
        }
    }
}
