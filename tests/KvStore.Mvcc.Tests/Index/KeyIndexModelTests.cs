using System.Text;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.Leases;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Tests.Index;

/// <summary>The native index against the slow obvious one over seeded random operations.</summary>
public sealed class KeyIndexModelTests
{
    private static readonly KeyRange Everything = KeyRange.All;

    private static bool IsLong => Environment.GetEnvironmentVariable("KVSTORE_TEST_LANE") == "long";

    public static TheoryData<KeyShape, int> Seeds
    {
        get
        {
            var seeds = new TheoryData<KeyShape, int>();
            foreach (KeyShape shape in Enum.GetValues<KeyShape>())
            {
                for (int seed = 0; seed < (IsLong ? 200 : 4); seed++)
                    seeds.Add(shape, seed);
            }
            return seeds;
        }
    }

    public enum KeyShape
    {
        /// <summary>Many versions of few keys.</summary>
        Few,
        Short,
        Paths,

        /// <summary>Any byte, prefixes of each other.</summary>
        Binary,

        /// <summary>Around and beyond what a leaf holds.</summary>
        Long,
        Ascending,
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void The_native_index_does_what_the_obvious_one_does(KeyShape shape, int seed)
    {
        using var run = new Run(shape, seed);

        for (int i = 0; i < 2500; i++)
            run.Step();

        run.FinishCompaction();
        run.CompareAll();
        run.CompareLoaded();
        run.EmptyAll();
    }

    private sealed class Run(KeyShape shape, int seed) : IDisposable
    {
        private readonly Random _random = new(seed * 31 + (int)shape);
        private readonly SortedKeyIndex _model = new();
        private readonly NativeKeyIndex _index = new();
        private readonly List<byte[]> _keys = [];
        private long _main = 1;
        private long _compacted;
        private bool _isCompacting;

        public void Dispose()
        {
            _index.Dispose();
            _model.Dispose();
        }

        public void Step()
        {
            switch (_random.Next(100))
            {
                case < 55: Put(); break;
                case < 70: Delete(); break;
                case < 71: DeleteRange(); break;
                case < 74: Compact(); break;
                case < 92: CompareKey(); break;
                case < 99: CompareRange(); break;
                default: CompareHistory(Everything, _compacted, _main); break;
            }
        }

        public void FinishCompaction()
        {
            while (_isCompacting)
                Compact();
        }

        public void CompareAll()
        {
            Assert.Equal(_model.KeyCount, _index.KeyCount);
            IndexStructure.Check(_index);
            CompareHistory(Everything, 0, long.MaxValue);
            CompareVisit(Everything, _main);
            CompareVisit(Everything, long.MaxValue);
        }

        public void CompareLoaded()
        {
            using var file = new MemoryFile();
            IndexFile.Write(file, _index, long.MaxValue);
            using var loaded = new NativeKeyIndex();
            IndexFile.Load(file, loaded);
            Assert.Equal(_model.KeyCount, loaded.KeyCount);
            Assert.Equal(History(_model, Everything, 0, long.MaxValue), History(loaded, Everything, 0, long.MaxValue));
            IndexStructure.Check(loaded);
            foreach (byte[] key in _keys.Take(300))
            {
                var revision = NextRevision();
                Assert.Equal(_model.Put(key, revision, LeaseId.None), loaded.Put(key, revision, LeaseId.None));
            }
            IndexStructure.Check(loaded);
        }

        /// <summary>When every key is gone, so is every byte.</summary>
        public void EmptyAll()
        {
            long before = _main++;
            _index.Visit(Everything, before, (key, in _) =>
            {
                _index.Delete(key, new Revision(_main));
                return true;
            });
            while (!_index.Compact(_main + 1, 50))
            {
            }
            Assert.Equal(0, _index.KeyCount);
            IndexStructure.Check(_index);
            Assert.Equal(Leaf.MinSize, _index.Heap.UsedBytes);
        }

        private void Put()
        {
            byte[] key = AnyKey();
            var revision = NextRevision();
            var lease = new LeaseId(_random.Next(5) == 0 ? _random.NextInt64(long.MinValue, long.MaxValue) : 0);
            Assert.Equal(_model.Put(key, revision, lease), _index.Put(key, revision, lease));
        }

        private void Delete()
        {
            byte[] key = AnyKey();
            if (!_model.TryGet(key, _main, out _))
                return;
            Revision revision = NextRevision();
            _model.Delete(key, revision);
            _index.Delete(key, revision);
        }

        private void DeleteRange()
        {
            KeyRange range = AnyRange();
            long before = _main++;
            // As if millions of keys had been deleted in this revision before these.
            long sub = _random.Next(2) == 0 ? 0 : (1 << 20) - 3;
            var deleted = new List<byte[]>();
            _index.Visit(range, before, (key, in _) =>
            {
                deleted.Add(key.ToArray());
                _index.Delete(key, new Revision(_main, sub + deleted.Count));
                return true;
            });
            int next = 0;
            _model.Visit(range, before, (key, in _) =>
            {
                Assert.True(key.SequenceEqual(deleted[next++]));
                _model.Delete(key, new Revision(_main, sub + next));
                return true;
            });
            Assert.Equal(next, deleted.Count);
        }

        private void Compact()
        {
            if (!_isCompacting)
                _compacted = _random.NextInt64(_compacted, _main + 1);
            int budget = _random.Next(1, 400);
            bool isModelDone = _model.Compact(_compacted, int.MaxValue);
            Assert.True(isModelDone);
            _isCompacting = !_index.Compact(_compacted, budget);
            if (!_isCompacting)
                CompareAll();
        }

        private void CompareKey()
        {
            byte[] key = AnyKey();
            long at = _random.NextInt64(_compacted, _main + 2);
            Assert.Equal(_model.TryGet(key, at, out KeyState expected), _index.TryGet(key, at, out KeyState actual));
            Assert.Equal(expected, actual);
            var before = new Revision(at + 1, _random.Next(3));
            Assert.Equal(_model.TryGetBefore(key, before, out expected), _index.TryGetBefore(key, before, out actual));
            Assert.Equal(expected, actual);
            var revision = new Revision(at, _random.Next(2));
            Assert.Equal(_model.IsRetained(key, revision), _index.IsRetained(key, revision));
        }

        private void CompareRange()
        {
            long at = _random.NextInt64(_compacted, _main + 2);
            KeyRange range = AnyRange();
            CompareVisit(range, at);
            CompareHistory(range, at, _random.NextInt64(at, _main + 2));
        }

        private void CompareVisit(KeyRange range, long at)
        {
            List<(string, KeyState)> expected = Visited(_model, range, at);
            Assert.Equal(expected, Visited(_index, range, at));
            Assert.Equal(expected.Count, _index.Count(range, at));
        }

        private void CompareHistory(KeyRange range, long from, long to) =>
            Assert.Equal(History(_model, range, from, to), History(_index, range, from, to));

        private static List<(string, KeyState)> Visited(IKeyIndex index, KeyRange range, long at)
        {
            var visited = new List<(string, KeyState)>();
            index.Visit(range, at, (key, in state) =>
            {
                visited.Add((Convert.ToHexString(key), state));
                return true;
            });
            return visited;
        }

        private static List<(string, KeyState, bool)> History(IKeyIndex index, KeyRange range, long from, long to)
        {
            var visited = new List<(string, KeyState, bool)>();
            index.VisitHistory(range, from, to, (key, in state, isTombstone) =>
            {
                visited.Add((Convert.ToHexString(key), state, isTombstone));
                return true;
            });
            return visited;
        }

        private Revision NextRevision() => new(++_main, _random.Next(10) == 0 ? _random.Next(1 << 20, 1 << 22) : _random.Next(2));

        private byte[] AnyKey()
        {
            if (_keys.Count > 0 && _random.Next(3) != 0)
                return _keys[_random.Next(_keys.Count)];
            byte[] key = NewKey();
            _keys.Add(key);
            return key;
        }

        private byte[] NewKey() => shape switch
        {
            KeyShape.Few => [(byte)_random.Next(3)],
            KeyShape.Short => Encoding.UTF8.GetBytes(_random.Next(10000).ToString()),
            KeyShape.Paths => Encoding.UTF8.GetBytes(
                $"/registry/{(char)('a' + _random.Next(4))}s/namespace-{_random.Next(20)}/name-{_random.Next(1000)}"),
            KeyShape.Binary => RandomBytes(_random.Next(1, 12), 3),
            KeyShape.Long => LongKey(),
            _ => Encoding.UTF8.GetBytes($"{_random.Next(2)}/{_keys.Count:000000}"),
        };

        private byte[] LongKey()
        {
            int length = _random.Next(40) == 0 ? _random.Next(1500, 20000) : _random.Next(100, 700);
            byte[] key = RandomBytes(length, 256);
            // Half of them share a long beginning.
            if (_random.Next(2) == 0)
                key.AsSpan(0, length * _random.Next(8, 10) / 10).Fill((byte)_random.Next(3));
            return key;
        }

        private byte[] RandomBytes(int length, int values)
        {
            byte[] key = new byte[length];
            for (int i = 0; i < length; i++)
                key[i] = values == 3 ? (byte)(_random.Next(3) * 127) : (byte)_random.Next(values);
            return key;
        }

        private KeyRange AnyRange() => _random.Next(6) switch
        {
            0 => Everything,
            1 => new KeyRange(AnyKey(), default),
            2 => new KeyRange(AnyKey(), "\0"u8.ToArray()),
            _ => new KeyRange(AnyKey(), AnyKey()),
        };
    }
}
