using System.Globalization;
using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Histories;
using KvStore.Crash.Tests.Load;

namespace KvStore.Crash.Tests.Fixtures;

/// <summary>What was done to the data directory that is kept as a fixture, and thus what it holds.</summary>
/// <remarks>A change here needs the fixture written anew, by tests/scripts/write-data-directory.</remarks>
internal static class FixtureScript
{
    public const long LongTtlSeconds = 100_000_000;

    public const long CompactedRevision = 90;

    /// <summary>Granted before the checkpoint, with keys attached; revoked before it; granted behind it.</summary>
    public const long AttachedLease = 0x77, RevokedLease = 0x78, TailLease = 0x79;

    private const int KeyCount = 60;

    /// <summary>One revision each, from 2 on; after them a compaction and a checkpoint.</summary>
    public static IReadOnlyList<Operation> BeforeCheckpoint { get; } =
    [
        .. Enumerable.Range(0, KeyCount).Select(i => new PutOperation(Key(i), Value(i, 1), 0)),
        .. Enumerable.Range(0, KeyCount / 2).Select(i => new PutOperation(Key(2 * i), Value(2 * i, 2), 0)),
        .. Enumerable.Range(0, 5).Select(i => new PutOperation(Key(10 * i), Value(10 * i, 3), AttachedLease)),
        new PutOperation("fixture/revoked", "goes with its lease", RevokedLease),
        new RevokeOperation(RevokedLease),
        new DeleteOperation(Key(20), Key(25)),
        new TxnOperation(
            Key(1),
            [new PutOperation("fixture/txn", "was there", 0), new PutOperation(Key(21), Value(21, 4), 0), DeleteOperation.Of(Key(2))],
            [new PutOperation("fixture/txn", "was not there", 0)],
            "was there"),
        new PutOperation("fixture/large", new string('x', 100_000), 0),
    ];

    /// <summary>Only the log has these.</summary>
    public static IReadOnlyList<Operation> BehindCheckpoint { get; } =
    [
        .. Enumerable.Range(0, 10).Select(i => new PutOperation(Key(3 * i), Value(3 * i, 5), 0)),
        DeleteOperation.Of(Key(3)),
        new PutOperation(Key(3), "created anew", 0),
        DeleteOperation.Of(Key(59)),
        new PutOperation("fixture/tail", "in the log only", TailLease),
    ];

    /// <summary>Does it all to a new member.</summary>
    public static async Task RunAsync(EtcdClient client)
    {
        await client.GrantAsync(AttachedLease, LongTtlSeconds);
        await client.GrantAsync(RevokedLease, LongTtlSeconds);
        foreach (var operation in BeforeCheckpoint)
            await operation.SendAsync(client);
        await client.CompactAsync(CompactedRevision, physical: true);
        await client.DefragmentAsync(); // Takes a checkpoint.
        await client.GrantAsync(TailLease, LongTtlSeconds);
        foreach (var operation in BehindCheckpoint)
            await operation.SendAsync(client);
    }

    /// <summary>The state at each revision.</summary>
    public static IReadOnlyDictionary<long, StoreState> States()
    {
        var states = new Dictionary<long, StoreState>();
        var state = StoreState.Empty;
        foreach (var operation in BeforeCheckpoint.Concat(BehindCheckpoint))
        {
            state = state.Next(operation.Effect(state));
            states.Add(state.Revision, state);
        }
        return states;
    }

    private static string Key(int number) => "fixture/" + number.ToString("d3", CultureInfo.InvariantCulture);

    private static string Value(int number, int version) => $"value {number} version {version}";
}
