using System.Text;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.Leases;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Tests.Index;

/// <summary>Readers on their own threads beside the writer, compared with what the writer did up to their revision.</summary>
public sealed class KeyIndexReaderTests
{
    private static int Rounds => Environment.GetEnvironmentVariable("KVSTORE_TEST_LANE") == "long" ? 40_000 : 1_500;

    [Theory]
    [InlineData(1, 3000, false)]
    [InlineData(2, 3000, true)]
    [InlineData(3, 150, false)]
    public async Task Readers_beside_the_writer_see_exactly_their_revision(int seed, int keySpace, bool withLongKeys)
    {
        using var index = new NativeKeyIndex();
        var torture = new Torture(index, keySpace, withLongKeys);
        Task[] readers = [.. Enumerable.Range(0, 2).Select(i => Task.Run(() => torture.Read(seed * 100 + i, Rounds)))];

        torture.WriteWhile(seed, () => readers.Any(reader => !reader.IsCompleted));

        await Task.WhenAll(readers);
    }

    /// <summary>
    /// The writer notes each key's revisions before it publishes them; changes follow each other in a cycle that ends with a delete. So a
    /// reader knows by arithmetic what each key must be at its revision.
    /// </summary>
    private sealed class Torture(NativeKeyIndex index, int keySpace, bool withLongKeys)
    {
        private readonly byte[][] _keys = [.. Enumerable.Range(0, keySpace).Select(i => KeyOf(i, withLongKeys))];

        // By key, in the order of the keys: the revisions at which it changed. Only appended to; readers stop at theirs.
        private readonly long[][] _changes = [.. Enumerable.Range(0, keySpace).Select(_ => new long[16])];
        private readonly int[] _changeCounts = new int[keySpace];

        private long _published = 1;
        private long _compacted;

        public void WriteWhile(int seed, Func<bool> isReading)
        {
            var random = new Random(seed);
            for (int i = 0; i % 256 != 0 || isReading(); i++)
            {
                // Some keys change all the time, so that their histories grow; the others come and go, so that leaves do.
                int key = random.Next(3) != 0 ? random.Next(keySpace) : random.Next(40) * 7 % keySpace;
                Change(key, Volatile.Read(ref _published) + 1);
                if (i % 5000 == 0)
                    Volatile.Write(ref _compacted, Math.Max(_compacted, _published - random.Next(1000)));
                if (i % 10 == 0)
                    index.Compact(_compacted, 100);
            }
        }

        public void Read(int seed, int rounds)
        {
            var random = new Random(seed);
            for (int round = 0; round < rounds; round++)
            {
                using (index.BeginRead())
                {
                    long newest = Volatile.Read(ref _published);
                    long oldest = Math.Min(newest, Volatile.Read(ref _compacted));
                    long at = random.Next(2) == 0 ? newest : random.NextInt64(oldest, newest + 1);
                    if (random.Next(10) == 0)
                        CompareSnapshot(at);
                    else
                        CompareKeys(random, at);
                }
            }
        }

        private void Change(int key, long revision)
        {
            int count = _changeCounts[key];
            if (count == _changes[key].Length)
            {
                long[] grown = new long[2 * count];
                _changes[key].CopyTo(grown, 0);
                Volatile.Write(ref _changes[key], grown);
            }
            _changes[key][count] = revision;
            Volatile.Write(ref _changeCounts[key], count + 1);
            if (count % CycleOf(key) == CycleOf(key) - 1)
                index.Delete(_keys[key], new Revision(revision));
            else
                index.Put(_keys[key], new Revision(revision), LeaseAt(revision));
            Volatile.Write(ref _published, revision);
        }

        /// <summary>After so many changes less one, the key is deleted.</summary>
        private static int CycleOf(int key) => key % 7 == 0 ? 50 : 2;

        private static LeaseId LeaseAt(long revision) => new(revision % 5 == 0 ? revision : 0);

        private void CompareKeys(Random random, long at)
        {
            for (int i = 0; i < 50; i++)
            {
                int key = random.Next(keySpace);
                bool isLive = index.TryGet(_keys[key], at, out KeyState state);
                Check(key, at, isLive ? state : null);
            }
            CheckHistory(random.Next(keySpace), Math.Max(Volatile.Read(ref _compacted), at - 300), at);
        }

        /// <summary>Of some neighbours at once, so that changes fall between the copy of a leaf and the look at a history.</summary>
        private void CheckHistory(int first, long from, long to)
        {
            int end = Math.Min(first + 60, keySpace - 1);
            var seen = new List<(int, long)>();
            int key = first;
            index.VisitHistory(new KeyRange(_keys[first], _keys[end]), from, to, (found, in state, _) =>
            {
                while (!found.SequenceEqual(_keys[key]))
                    key++;
                seen.Add((key, state.Mod.Main));
                return true;
            });
            var expected = Enumerable.Range(first, Math.Max(end - first, 0))
                .SelectMany(i => ChangesOf(i, from, to).Select(change => (i, change))).ToList();
            if (!expected.SequenceEqual(seen) && from >= Volatile.Read(ref _compacted))
                Assert.Fail($"from {from} to {to}: {string.Join(' ', expected)}, but saw {string.Join(' ', seen)}");
        }

        private ArraySegment<long> ChangesOf(int key, long from, long to)
        {
            ArraySegment<long> changes = ChangesOf(key);
            int first = Array.BinarySearch(changes.Array!, 0, changes.Count, from);
            int end = Array.BinarySearch(changes.Array!, 0, changes.Count, to + 1);
            first = first < 0 ? ~first : first;
            return changes[first..Math.Max(first, end < 0 ? ~end : end)];
        }

        private ArraySegment<long> ChangesOf(int key)
        {
            int count = Volatile.Read(ref _changeCounts[key]);
            return new ArraySegment<long>(Volatile.Read(ref _changes[key]), 0, count);
        }

        private void CompareSnapshot(long at)
        {
            int next = 0;
            long live = 0;
            index.Visit(KeyRange.All, at, (key, in state) =>
            {
                while (!key.SequenceEqual(_keys[next]))
                    Check(next++, at, null);
                Check(next++, at, state);
                live++;
                return true;
            });
            while (next < keySpace)
                Check(next++, at, null);
            // What the compaction took meanwhile is not a wrong answer.
            long count = index.Count(KeyRange.All, at);
            if (at >= Volatile.Read(ref _compacted))
                Assert.Equal(live, count);
        }

        private void Check(int key, long at, KeyState? actual)
        {
            ArraySegment<long> changes = ChangesOf(key);
            int last = Array.BinarySearch(changes.Array!, 0, changes.Count, at);
            last = last >= 0 ? last : ~last - 1;
            int place = last % CycleOf(key);
            KeyState? expected = last >= 0 && place != CycleOf(key) - 1
                ? new KeyState(new Revision(changes[last]), changes[last - place], place + 1, LeaseAt(changes[last]))
                : null;
            if (expected != actual && at >= Volatile.Read(ref _compacted))
                Assert.Fail($"key {key} at {at}: expected {expected}, but saw {actual}");
        }

        /// <summary>In key order.</summary>
        private static byte[] KeyOf(int i, bool withLongKeys) => Encoding.UTF8.GetBytes(
            $"/registry/{i / 100:000}/{i:00000}{(withLongKeys && i % 50 == 0 ? new string('x', 600) : "")}");
    }
}
