using Google.Protobuf;
using KvStore.Mvcc.Tests.Model;
using KvStore.Mvcc.Watches;
using KvStore.Protocol;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Simulation.Clients;

/// <summary>A client with one watch stream and a few watches; after each crash it goes on where it was.</summary>
internal sealed class SimulatedWatcher
{
    private static readonly string[] Keys = ["\0", "a", "b", "c", "d", "zz"];

    private readonly Random _random;
    private readonly Trace _trace;
    private readonly Dictionary<long, ExpectedWatch> _watches = [];
    private WatchStream? _stream;

    public SimulatedWatcher(ModelStore model, Random random, Trace trace)
    {
        (_random, _trace) = (random, trace);
        for (int id = 1 + random.Next(3); id > 0; id--)
            _watches.Add(id, new ExpectedWatch(model, NextRequest(id)));
    }

    public long EventCount => _watches.Values.Sum(watch => watch.EventCount);

    public bool IsComplete => _watches.Values.All(watch => watch.IsComplete());

    public void Act(Member member)
    {
        if (_stream is null)
            Open(member);
        else if (_random.Next(20) == 0)
            _stream.RequestProgress();
        else
            Read(member, _random.Next(4));
    }

    /// <summary>Takes all there is.</summary>
    public void ReadAll(Member member)
    {
        if (_stream is null)
            Open(member);
        else
            Read(member, int.MaxValue);
    }

    /// <summary>The member died, and the stream with it.</summary>
    public void Forget() => _stream = null;

    private void Open(Member member)
    {
        _stream = member.Watches.OpenStream(() => { }, () => { });
        foreach (var watch in _watches.Values)
            _stream.Create(watch.Resume());
    }

    private void Read(Member member, int count)
    {
        for (; count > 0 && _stream!.TryTake(out var message); count--)
        {
            _trace.Add("watch", message.WatchId, message.HeaderRevision);
            if (message.WatchId == WatchMessage.NoWatch)
                Progressed(message);
            else
                Take(message, member);
        }
    }

    private void Take(WatchMessage message, Member member)
    {
        var watch = _watches[message.WatchId];
        watch.Take(message, member.State.Store.CurrentRevision);
        if (watch.IsCompacted)
            _stream!.Create(watch.Resume());
    }

    private void Progressed(WatchMessage message)
    {
        Check.Holds(!message.IsCreated, $"a watch was refused: {message.CancelReason}");
        // It speaks of the watches that are there: one that a compaction ended is made anew behind it.
        foreach (var watch in _watches.Values.Where(watch => watch.IsCreated))
            watch.Progressed(message.HeaderRevision);
    }

    private WatchCreateRequest NextRequest(long id)
    {
        var request = new WatchCreateRequest
        {
            WatchId = id,
            Key = ByteString.CopyFromUtf8(Keys[_random.Next(Keys.Length - 1)]),
            StartRevision = _random.Next(3) == 0 ? 0 : 1,
            PrevKv = _random.Next(2) == 0,
            Fragment = _random.Next(4) == 0,
            ProgressNotify = _random.Next(3) == 0,
        };
        request.RangeEnd = _random.Next(3) switch
        {
            0 => ByteString.Empty,
            1 => ByteString.CopyFrom(0),
            _ => ByteString.CopyFromUtf8("zzz"),
        };
        if (_random.Next(4) == 0)
            request.Filters.Add((WatchCreateRequest.Types.FilterType)_random.Next(2));
        return request;
    }
}
