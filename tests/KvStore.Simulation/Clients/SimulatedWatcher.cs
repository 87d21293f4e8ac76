using Google.Protobuf;
using KvStore.Mvcc.Watches;
using KvStore.Protocol;
using KvStore.Simulation.Members;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Simulation.Clients;

/// <summary>A client with one watch stream and a few watches; when its member dies, or it feels like it, it goes on where it was
/// at another member.</summary>
internal sealed class SimulatedWatcher
{
    private static readonly string[] Keys = ["\0", "a", "b", "c", "d", "zz"];

    private readonly SimulatedCluster _cluster;
    private readonly Random _random;
    private readonly Dictionary<long, ExpectedWatch> _watches = [];
    private SimulatedMember? _serving;
    private Member? _opened;
    private WatchStream? _stream;

    public SimulatedWatcher(SimulatedCluster cluster)
    {
        (_cluster, _random) = (cluster, cluster.Random);
        for (int id = 1 + _random.Next(3); id > 0; id--)
            _watches.Add(id, new ExpectedWatch(cluster.History.Model, NextRequest(id)));
    }

    public long EventCount => _watches.Values.Sum(watch => watch.EventCount);

    public bool IsComplete => _watches.Values.All(watch => watch.IsComplete());

    /// <summary>Watches as long as the world runs.</summary>
    public async Task RunAsync()
    {
        while (true)
        {
            await _cluster.Time.Delay(TimeSpan.FromMilliseconds(_cluster.IsCalm ? 50 : 1 + _random.Next(100)));
            if (_opened is null || _serving!.Member != _opened)
                Open();
            else if (_serving.IsServing)
                _serving.Process!.Run(Act);
        }
    }

    private void Act()
    {
        if (_cluster.IsCalm ? !_cluster.Belonging().Contains(_serving!) : _random.Next(40) == 0)
            Leave();
        else if (_random.Next(8) == 0)
            _stream!.RequestProgress();
        else
            Read(_opened!, _cluster.IsCalm ? int.MaxValue : _random.Next(8));
    }

    private void Leave()
    {
        _stream!.Close();
        _opened = null;
    }

    private void Open()
    {
        _opened = null;
        if (_cluster.PickServing() is not { } serving)
            return;
        serving.Process!.Run(() =>
        {
            _stream = serving.Member!.Watches.OpenStream(() => { }, () => { });
            foreach (var watch in _watches.Values)
                _stream.Create(watch.Resume());
            (_serving, _opened) = (serving, serving.Member);
        });
    }

    private void Read(Member member, int count)
    {
        for (; count > 0 && _stream!.TryTake(out var message); count--)
        {
            _cluster.Trace.Add("watch", message.WatchId, message.HeaderRevision);
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
