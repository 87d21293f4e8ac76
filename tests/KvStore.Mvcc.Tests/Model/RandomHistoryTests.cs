using System.Text;
using Google.Protobuf;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.Tests.Support;
using KvStore.Mvcc.Watches;
using KvStore.Protocol;
using KvStore.Testing;
using Xunit.Sdk;

namespace KvStore.Mvcc.Tests.Model;

public class RandomHistoryTests
{
    private const int ChangesPerSeed = 30;

    private static readonly int SeedCount = Lanes.Pick(1_000, 10_000, 100_000);

    [Fact]
    public void Random_requests_are_answered_as_the_model_answers_them()
    {
        // The member's own index, and every tenth time the obvious one, which tells whose fault a difference is.
        for (int seed = 1; seed <= SeedCount; seed++)
            Run(seed, seed % 10 == 0 ? () => new SortedKeyIndex() : () => new NativeKeyIndex());
        Figures.Report($"random requests against the model: {SeedCount} seeds of {ChangesPerSeed} changes each");
    }

    private static void Run(int seed, Func<IKeyIndex> createIndex)
    {
        var comparison = new Comparison(new RandomRequests(seed), new TestMember(createIndex: createIndex));
        try
        {
            for (int i = 0; i < ChangesPerSeed; i++)
                comparison.Step();
            comparison.CompareState();
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            throw new XunitException($"seed {seed}, after\n{comparison.Log}\n{failure}");
        }
    }

    /// <summary>Gives the same requests to both and holds the answers against each other.</summary>
    private sealed class Comparison(RandomRequests requests, TestMember member)
    {
        private readonly ModelStore _model = new();
        private readonly StringBuilder _log = new();
        private TestMember _member = member;
        private int _told;

        public string Log => _log.ToString();

        public void Step()
        {
            var request = requests.NextChange(_model.Revision);
            _log.AppendLine($"{request.GetType().Name} {request}");
            _model.Apply(request);
            var result = _member.Apply(request);
            Assert.Equal(_model.Error, result.Error);
            Assert.Equal(_model.Response, result.Response);
            Assert.Equal(_model.Revision, _member.Revision);
            CompareEvents(_model.Events.Skip(_told), result.Events);
            _told = _model.Events.Count;
            CompareReads();
            Tend();
        }

        public void CompareState()
        {
            CompareHistory();
            foreach (long lease in _model.Leases)
                Assert.Equal(_model.KeysOf(lease).Select(key => key.ToByteArray()), _member.Machine.Leases.KeysOf(new(lease)));
            Assert.Equal(_model.Leases, _member.Machine.Leases.List().Select(lease => lease.Id.Value));
        }

        private void CompareReads()
        {
            var range = requests.NextRange(_model.Revision);
            Assert.Equal(Outcome(() => _model.Range(range)), Outcome(() => _member.Range(range)));
            if (!requests.Chance(20))
                return;
            var txn = requests.NextReadTxn(_model.Revision);
            _model.Apply(txn);
            Assert.Equal((object?)_model.Response ?? _model.Error, Outcome(() => _member.Machine.Txns.Read(txn)));
        }

        /// <summary>What goes on beside: cleaning, giving space back, a restart.</summary>
        private void Tend()
        {
            if (requests.Chance(30))
                _member.Machine.Store.CompactStep(2);
            if (requests.Chance(30))
                _member.Machine.Store.ReclaimStep(30);
            if (!requests.Chance(5))
                return;
            var before = _member.Machine.Hash.Compute(0);
            uint everything = _member.Machine.HashEverything();
            _member = _member.Restart(isIndexSaved: requests.Chance(50));
            Assert.Equal(everything, _member.Machine.HashEverything());
            Assert.Equal(before, _member.Machine.Hash.Compute(0));
            _log.AppendLine("restart");
        }

        private void CompareHistory()
        {
            long from = Math.Max(_model.Compacted, 2);
            var read = new List<StoredEvent>();
            var progress = _member.Machine.History.ReadEvents(from, long.MaxValue, int.MaxValue, long.MaxValue, read.Add);
            Assert.Equal(new HistoryProgress(Math.Max(from, _model.Revision + 1), false, _model.Compacted), progress);
            CompareEvents(_model.Events.Where(change => change.KeyValue.ModRevision >= from), read);
            foreach (var change in read)
                ComparePrevious(change);
        }

        private void ComparePrevious(StoredEvent change)
        {
            var key = ByteString.CopyFrom(change.Key.Span);
            var expected = change.Revision.Main - 1 < _model.Compacted ? null : _model.Before(key, change.Revision.Main);
            bool isThere = _member.Machine.History.TryReadPrevious(change.Key.Span, change.Revision, out byte[] keyValue);
            Assert.Equal(expected, isThere ? KeyValue.Parser.ParseFrom(keyValue) : null);
        }

        private static void CompareEvents(IEnumerable<ModelEvent> expected, IEnumerable<StoredEvent> actual) => Assert.Equal(
            expected,
            actual.Select(change => new ModelEvent(change.IsDelete, KeyValue.Parser.ParseFrom(change.KeyValue.Span))));

        private static object Outcome(Func<IMessage> read)
        {
            try
            {
                return read();
            }
            catch (EtcdException refusal)
            {
                return refusal.Error;
            }
        }
    }
}
