using System.Globalization;
using Google.Protobuf;
using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Histories;
using KvStore.Protocol;

namespace KvStore.Crash.Tests.Load;

/// <summary>One client that does this and that, one request after the other, until the member is gone.</summary>
internal sealed class LoadClient(LoadRound round, int number, Random random) : IDisposable
{
    private const int KeyCount = 64;
    private const int LeaseLimit = 12;
    private const long LongTtlSeconds = 1_000_000, ShortTtlSeconds = 2;

    private readonly EtcdClient _client = new(round.Url);
    private int _valueCount;

    private Ledger Ledger => round.Ledger;

    public async Task RunAsync()
    {
        while (!round.IsOver)
            await DoAsync(random.Next(100));
    }

    public void Dispose() => _client.Dispose();

    private Task DoAsync(int choice) => choice switch
    {
        < 50 => WriteAsync(NewPut(AnyKey())),
        < 60 => WriteAsync(DeleteOperation.Of(AnyKey())),
        < 63 => WriteAsync(NewRangeDelete()),
        < 76 => WriteAsync(NewTxn()),
        < 86 => ReadAsync(AnyKey()),
        < 90 => ReadAsync("", "\uffff"),
        < 94 => GrantAsync(),
        < 98 => RevokeAsync(),
        _ => CompactAsync(),
    };

    private static string Key(int number) => "key/" + number.ToString("d2", CultureInfo.InvariantCulture);

    private string AnyKey() => Key(random.Next(KeyCount));

    /// <summary>Mostly small; now and then large enough that logs and pages of the store come to their ends.</summary>
    private string NewValue()
    {
        int padding = random.Next(50) == 0 ? random.Next(64 << 10) : random.Next(200);
        return $"{round.Number}-{number}-{++_valueCount}-".PadRight(padding, 'x');
    }

    private PutOperation NewPut(string key)
    {
        var leases = random.Next(3) == 0 ? UsableLeases() : [];
        return new PutOperation(key, NewValue(), leases.Length == 0 ? 0 : leases[random.Next(leases.Length)].Id);
    }

    private DeleteOperation NewRangeDelete()
    {
        int from = random.Next(KeyCount);
        return new DeleteOperation(Key(from), Key(from + random.Next(8)));
    }

    private TxnOperation NewTxn()
    {
        // A transaction may not touch a key twice: four keys, one for each operation.
        int first = random.Next(KeyCount - 4);
        var mark = new PutOperation(Key(first), NewValue(), 0);
        return new TxnOperation(
            AnyKey(),
            [mark, NewPut(Key(first + 1)), DeleteOperation.Of(Key(first + 2))],
            [DeleteOperation.Of(Key(first + 3)), mark],
            mark.Value);
    }

    private Lease[] UsableLeases() => [.. Ledger.Leases.Where(lease => lease is { IsGranted: true, IsRevocationTried: false })];

    private async Task<CallEnd> WriteAsync(Operation operation)
    {
        long known = Ledger.LastRevision;
        var end = await round.AttemptAsync(async () =>
        {
            long revision = await operation.SendAsync(_client);
            if (revision < known || revision == known && operation.ClaimsChange == true)
                throw new HistoryException($"{operation} was answered at revision {revision} when {known} was known already");
            Ledger.Acknowledge(revision, operation);
        });
        if (end == CallEnd.Unknown)
            Ledger.LeaveOpen(operation);
        return end;
    }

    private Task ReadAsync(string key) => ReadAsync(key, key + '\0');

    private Task ReadAsync(string from, string end) => round.AttemptAsync(async () =>
    {
        long known = Ledger.LastRevision;
        var answer = await _client.RangeAsync(new RangeRequest
        {
            Key = from.Length == 0 ? EtcdClient.AllKeys : ByteString.CopyFromUtf8(from),
            RangeEnd = from.Length == 0 ? EtcdClient.AllKeys : ByteString.CopyFromUtf8(end),
        });
        if (answer.Header.Revision < known)
            throw new HistoryException($"a read was answered at revision {answer.Header.Revision} when {known} was known already");
        Ledger.Read(new Reading(answer.Header.Revision, from, end, [.. answer.Kvs.Select(KeyVersion.Of)]));
    });

    private async Task GrantAsync()
    {
        if (Ledger.Leases.Count >= LeaseLimit)
            return;
        var lease = Ledger.NewLease(isShort: random.Next(8) == 0);
        var end = await round.AttemptAsync(() => _client.GrantAsync(lease.Id, lease.IsShort ? ShortTtlSeconds : LongTtlSeconds));
        lease.IsGranted = end == CallEnd.Acknowledged;
        if (end == CallEnd.Refused)
            Ledger.Forget(lease);
    }

    private async Task RevokeAsync()
    {
        var leases = UsableLeases();
        if (leases.Length < LeaseLimit / 3)
            return;
        var lease = leases[random.Next(leases.Length)];
        lease.IsRevocationTried = true;
        lease.IsRevoked = await WriteAsync(new RevokeOperation(lease.Id)) == CallEnd.Acknowledged;
    }

    private async Task CompactAsync()
    {
        // What the watcher was not told yet stays, so that its account is without a gap.
        long revision = round.WatchedRevision - random.Next(300);
        if (revision <= Ledger.Compacted)
            return;
        Ledger.TryCompaction(revision);
        var end = await round.AttemptAsync(() => _client.CompactAsync(revision));
        if (end == CallEnd.Acknowledged)
            Ledger.AcknowledgeCompaction(revision);
    }
}
