using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.Tests.Support;
using KvStore.Protocol;
using static KvStore.Mvcc.Tests.Support.Build;

namespace KvStore.Mvcc.Tests.Concurrency;

/// <summary>Each transaction writes the same number to every key; a reader that sees two numbers has seen half a transaction.</summary>
public class ReadersBesideTheWriterTests
{
    private static readonly int TxnCount =
        System.Environment.GetEnvironmentVariable("KVSTORE_TEST_LANE") == "long" ? 200_000 : 3_000;

    private readonly TestMember _member = new(createIndex: () => new NativeKeyIndex());
    private volatile bool _isWriting = true;
    private volatile Exception? _failure;

    [Fact]
    public void Readers_see_transactions_whole_while_old_revisions_are_compacted_and_given_back()
    {
        Write(1);
        var readers = new[] { new Thread(() => Loop(ReadNow)), new Thread(() => Loop(ReadPast)), new Thread(() => Loop(ReadHistory)) };
        Array.ForEach(readers, reader => reader.Start());

        for (int number = 2; number <= TxnCount && _failure is null; number++)
        {
            Write(number);
            if (number % 10 == 0)
                _member.Compact(_member.Revision - 5);
            _member.Machine.Store.CompactStep(4);
            _member.Machine.Store.ReclaimStep(400);
        }
        _isWriting = false;
        Array.ForEach(readers, reader => reader.Join());

        Assert.Null(_failure);
    }

    private void Write(int number)
    {
        var txn = Txn([.. Enumerable.Range(0, 8).Select(i => Put($"k{i}", $"{number}"))]);
        // A key that comes and goes, so that leaves and tombstones change too.
        txn.Success.Add(Op(number % 2 != 0 ? Put("k9", $"{number}") : Delete("k9")));
        _member.Answer<TxnResponse>(txn);
    }

    private void Loop(Action read)
    {
        try
        {
            while (_isWriting && _failure is null)
                read();
        }
        catch (Exception failure)
        {
            _failure = failure;
        }
    }

    private void ReadNow()
    {
        var response = _member.Machine.Ranges.Range(Range("k", "l"));
        AssertWhole(response, response.Header.Revision);
        using var result = _member.Machine.Ranges.Read(Range("k3"));
        Assert.Equal(1, result.Count);
    }

    private void ReadPast()
    {
        long revision = Math.Max(1, _member.Machine.Store.CurrentRevision - 4);
        try
        {
            AssertWhole(_member.Machine.Ranges.Range(Range("k", "l", revision)), revision);
        }
        catch (EtcdException refusal)
        {
            // The first revisions had no keys; later ones may be compacted by the time they are read.
            Assert.Same(EtcdError.Compacted, refusal.Error);
        }
    }

    private void ReadHistory()
    {
        long from = _member.Machine.Store.CurrentRevision - 3, changeCount = 0;
        var progress = _member.Machine.History.ReadEvents(from, long.MaxValue, 2, long.MaxValue, _ => changeCount++);
        Assert.True(progress.IsCompacted || changeCount % 9 == 0);
        Assert.True(progress.NextRevision >= from);
    }

    private static void AssertWhole(RangeResponse response, long revision)
    {
        if (response.Kvs.Count == 0)
            Assert.True(revision < 2);
        else
            Assert.Equal([$"{revision - 1}"], response.Kvs.Select(kv => kv.Value.ToStringUtf8()).Distinct());
        Assert.Equal(revision < 2 ? 0 : 9 - revision % 2, response.Count);
    }
}
