using KvStore.Mvcc.Watches;
using KvStore.Protocol;
using KvStore.Testing;
using Xunit.Sdk;
using static KvStore.Mvcc.Tests.Support.Build;

namespace KvStore.Mvcc.Tests.Watches;

public class WatchHubModelTests
{
    [Fact]
    public void Random_watches_are_told_what_the_model_says()
    {
        int seeds = Lanes.Pick(500, 10_000, 200_000);
        long events = 0, behind = 0;

        for (int seed = 1; seed <= seeds; seed++)
        {
            var run = new RandomRun(seed);
            run.Play();
            events += run.EventCount;
            behind += run.HistoryReads;
        }

        Assert.True(behind > seeds, "too few watches fell behind");
        Figures.Report($"watch hub against its model: {seeds} seeds, {events} events told, {behind} pieces of history read");
    }

    /// <summary>Random commits, compactions, watches and slow readers, with the events of a revision sometimes late.</summary>
    private sealed class RandomRun
    {
        private static readonly string[] Keys = ["a", "b", "c", "d"];

        private readonly int _seed;
        private readonly Random _random;
        private readonly FakeWatchSource _source = new();
        private readonly WatchHub _hub;
        private readonly List<Reader> _readers = [];
        private readonly Queue<(long Revision, StoredEvent[] Events)> _late = new();
        private bool _isWoken;

        public RandomRun(int seed)
        {
            (_seed, _random) = (seed, new Random(seed));
            _hub = new WatchHub(_source, RandomOptions(), () => _isWoken = true);
        }

        public long EventCount => _readers.Sum(reader => reader.EventCount);

        public long HistoryReads => _source.HistoryReads;

        public void Play()
        {
            try
            {
                for (int turn = 0; turn < 120; turn++)
                    Turn();
                Finish();
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                throw new XunitException($"seed {_seed}: {failure}");
            }
        }

        private WatchHubOptions RandomOptions() => new()
        {
            StreamQueueMessages = _random.Next(1, 6),
            StreamQueueBytes = _random.Next(1, 200),
            BacklogBytes = _random.Next(4) == 0 ? _random.Next(100) : 10_000,
            CatchUpRevisions = _random.Next(1, 6),
            CatchUpBytes = _random.Next(1, 200),
            FragmentBytes = _random.Next(1, 60),
            StreamRequests = _random.Next(4) == 0 ? _random.Next(1, 8) : 128,
        };

        private void Turn()
        {
            switch (_random.Next(16))
            {
                case < 5: Commit(); break;
                case < 6: PublishLate(); break;
                case < 7 when _random.Next(4) == 0: Compact(); break;
                case < 8 when _readers.Count < 4: _readers.Add(new Reader(_hub, _source)); break;
                case < 12 when _readers.Count > 0: Request(AnyReader()); break;
                case < 13 when _random.Next(3) == 0: _hub.NotifyProgress(); break;
                case < 15 when _readers.Count > 0: AnyReader().Take(_random.Next(1, 4)); break;
                default: Step(); break;
            }
        }

        private void Request(Reader reader)
        {
            if (!reader.AcceptsRequests())
                return;
            switch (_random.Next(4))
            {
                case < 2: reader.Create(NextRequest()); break;
                case < 3: reader.CancelAny(_random); break;
                default: reader.RequestProgress(); break;
            }
        }

        private void Commit()
        {
            var changes = Keys.Where(_ => _random.Next(3) == 0).Select(NextChange).ToArray();
            var events = changes.Length == 0 ? _source.Commit("a=1") : _source.Commit(changes);
            _late.Enqueue((_source.CurrentRevision, events));
            // The apply loop makes a revision readable before it hands over its events: the hub may run in between.
            if (_random.Next(5) != 0)
                PublishLate();
        }

        private string NextChange(string key) => _random.Next(3) == 0 ? "-" + key : $"{key}={new string('v', _random.Next(1, 20))}";

        private void PublishLate()
        {
            while (_late.TryDequeue(out var late))
                _hub.Publish(late.Revision, late.Events);
            _hub.Wake();
        }

        private void Compact()
        {
            if (_source.CurrentRevision > Math.Max(1, _source.CompactRevision))
                _source.CompactRevision = _random.NextInt64(Math.Max(1, _source.CompactRevision), _source.CurrentRevision + 1);
        }

        private void Step()
        {
            // Now and then a compaction comes between the hub's look and its read.
            if (_random.Next(30) == 0)
                _source.ReadingHistory = () =>
                {
                    _source.ReadingHistory = () => { };
                    Compact();
                };
            if (!_isWoken)
                return;
            _isWoken = false;
            _isWoken |= _hub.Step();
        }

        private Reader AnyReader() => _readers[_random.Next(_readers.Count)];

        private WatchCreateRequest NextRequest()
        {
            var request = new WatchCreateRequest
            {
                Key = Bytes(Keys[_random.Next(Keys.Length)]),
                StartRevision = _random.Next(3) == 0 ? 0 : _random.NextInt64(1, _source.CurrentRevision + 4),
                PrevKv = _random.Next(2) == 0,
                Fragment = _random.Next(3) == 0,
                ProgressNotify = _random.Next(2) == 0,
            };
            request.RangeEnd = Bytes(_random.Next(3) switch { 0 => "", 1 => "\0", _ => "z" });
            if (_random.Next(4) == 0)
                request.Filters.Add((WatchCreateRequest.Types.FilterType)_random.Next(2));
            return request;
        }

        /// <summary>Everybody reads, nothing more happens: all must be told.</summary>
        private void Finish()
        {
            PublishLate();
            bool isBusy = true;
            for (int turn = 0; turn < 1000 && isBusy; turn++)
            {
                Step();
                isBusy = _isWoken;
                foreach (var reader in _readers)
                    isBusy |= reader.Take(int.MaxValue) > 0;
            }
            Assert.False(_isWoken, "the hub never comes to rest");
            foreach (var reader in _readers)
                reader.CheckComplete();
            Assert.All(_readers, reader => Assert.True(reader.AcceptsRequests(), "a stream without open requests takes no more"));
            CheckProgressAtRest();
        }

        private void CheckProgressAtRest()
        {
            foreach (var reader in _readers)
                reader.RequestProgress();
            for (int turn = 0; turn < 10; turn++)
                Step();
            foreach (var reader in _readers)
                reader.CheckProgress();
        }
    }

    /// <summary>A client's stream and its watches, each with its model.</summary>
    private sealed class Reader
    {
        private readonly FakeWatchSource _source;
        private readonly WatchStream _stream;
        private readonly Queue<ModelWatch> _creating = new();
        private readonly Dictionary<long, ModelWatch> _watches = [];
        private readonly HashSet<long> _canceling = [];
        private long _told;

        /// <summary>It met the limit of open requests, and was not woken since.</summary>
        private bool _isHeldBack;

        public Reader(WatchHub hub, FakeWatchSource source)
        {
            _source = source;
            _stream = hub.OpenStream(() => { }, () => _isHeldBack = false);
        }

        public long EventCount => _told + _watches.Values.Sum(watch => watch.EventCount);

        /// <summary>As a receiver does it: once held back, it waits until it is woken.</summary>
        public bool AcceptsRequests()
        {
            _isHeldBack |= !_stream.AcceptsRequests;
            return !_isHeldBack;
        }

        public void Create(WatchCreateRequest request)
        {
            _creating.Enqueue(new ModelWatch(_source, request));
            _stream.Create(request);
        }

        public void CancelAny(Random random)
        {
            if (_watches.Count == 0)
                return;
            long id = _watches.Keys.ElementAt(random.Next(_watches.Count));
            if (_canceling.Add(id))
                _stream.Cancel(id);
        }

        public void RequestProgress() => _stream.RequestProgress();

        /// <returns>How many messages came.</returns>
        public int Take(int most)
        {
            int count = 0;
            for (; count < most && _stream.TryTake(out var message); count++)
                Take(message);
            return count;
        }

        public void CheckComplete()
        {
            Assert.Empty(_creating);
            Assert.All(_watches.Values, watch => Assert.True(watch.IsComplete, $"watch {watch.Id} lacks events"));
        }

        public void CheckProgress()
        {
            var messages = new List<WatchMessage>();
            while (_stream.TryTake(out var message))
                messages.Add(message);
            bool isAnswered = _watches.Count > 0 && !_watches.Values.Any(watch => watch.IsOfTheFuture);
            Assert.Equal(isAnswered ? [_source.CurrentRevision] : [], messages.Select(message => message.HeaderRevision));
        }

        private void Take(WatchMessage message)
        {
            if (message.WatchId == WatchMessage.NoWatch)
            {
                foreach (var watch in _watches.Values)
                    watch.Progress(message.HeaderRevision);
                return;
            }
            if (message.IsCreated)
            {
                var made = _creating.Dequeue();
                made.Create(message);
                Assert.True(_watches.TryAdd(made.Id, made), "an id was given twice");
                return;
            }
            var told = _watches[message.WatchId];
            told.Take(message);
            if (!told.IsOver)
                return;
            _told += told.EventCount;
            _watches.Remove(message.WatchId);
        }
    }
}
