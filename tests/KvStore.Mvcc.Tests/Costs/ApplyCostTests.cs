using Google.Protobuf;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.Store;
using KvStore.Protocol;
using KvStore.Storage.Disks;
using KvStore.Storage.Values;
using Xunit.Abstractions;
using static KvStore.Mvcc.Tests.Support.Build;

namespace KvStore.Mvcc.Tests.Costs;

/// <summary>What applying and reading cost on the member's own index and value store: printed as CPU time.</summary>
public sealed class ApplyCostTests : IDisposable
{
    private readonly ITestOutputHelper _output;
    private readonly string _directory = Path.Combine(Path.GetTempPath(), $"kvstore-mvcc-{Guid.NewGuid():N}");
    private readonly FasterValueStore _values;
    private readonly NativeKeyIndex _index = new();
    private readonly StateMachine _machine;

    public ApplyCostTests(ITestOutputHelper output)
    {
        _output = output;
        _values = FasterValueStore.Create(new RealDisk(), _directory, new ValueStoreOptions { ReserveBytes = 0, MemoryBytes = IsLong ? 512 << 20 : 16 << 20 });
        _machine = new StateMachine(new MvccStore(_index, _values));
    }

    private static bool IsLong => System.Environment.GetEnvironmentVariable("KVSTORE_TEST_LANE") == "long";

    private static int Count => IsLong ? 200_000 : 5_000;

    public void Dispose()
    {
        _values.Dispose();
        _index.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void Figures_of_puts_ranges_and_transactions()
    {
        var puts = Puts(Count);
        var entries = puts.Select(put => new Command(CommandKind.Put, 1, put.ToByteArray())).ToArray();
        var keys = puts.Select(put => new RangeRequest { Key = put.Key }).ToArray();
        var header = new ResponseHeader { ClusterId = 1, MemberId = 2, RaftTerm = 3, Revision = 4 };
        var buffer = new byte[1 << 20];

        // Once for the compiler, then for the figures.
        Time("warm-up", Count, i => Apply(entries[i], puts[i]));
        Array.ForEach(puts, put => put.Key = ByteString.CopyFromUtf8("/second" + put.Key.ToStringUtf8()));
        entries = [.. puts.Select(put => new Command(CommandKind.Put, 1, put.ToByteArray()))];
        keys = [.. puts.Select(put => new RangeRequest { Key = put.Key })];
        Time("put, new keys, parsed before", Count, i => Apply(entries[i], puts[i]));
        Time("put, known keys, from the log", Count, i => Apply(entries[i], null));
        Time("range of one key, bytes", Count, i =>
        {
            using var result = _machine.Ranges.Read(keys[i]);
            result.WriteTo(buffer.AsSpan(0, (int)result.CalculateSize(header)), header);
        });
        Time("range of one key, message", Count, i => _machine.Ranges.Range(keys[i]));
        var list = Range("/second/registry/pods/ns-7/", "/second/registry/pods/ns-70", limit: 500);
        Time("range of 500 keys, bytes", Count / 50, _ =>
        {
            using var result = _machine.Ranges.Read(list);
            result.WriteTo(buffer.AsSpan(0, (int)result.CalculateSize(header)), header);
        });
        var txns = puts.Take(Count / 5).Select(put => Txn(
            [new Compare { Key = put.Key, Target = Compare.Types.CompareTarget.Mod, ModRevision = 1 }], [put], [Range(put.Key.ToStringUtf8())])).ToArray();
        Time("txn: compare, then get", txns.Length, i => Apply(new Command(CommandKind.Txn, 1, default), txns[i]));

        Assert.Equal(3 * Count + 1, _machine.Store.CurrentRevision);
    }

    private void Apply(in Command command, IMessage? parsed)
    {
        ulong index = _machine.AppliedIndex + 1;
        Assert.Null(_machine.Apply(index, command, parsed).Error);
        _machine.CompleteEntry(index, 1);
    }

    private void Time(string what, int times, Action<int> action)
    {
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        var before = System.Environment.CpuUsage.TotalTime;
        for (int i = 0; i < times; i++)
            action(i);
        var spent = System.Environment.CpuUsage.TotalTime - before;
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        _output.WriteLine($"{what}: {spent.TotalMicroseconds / times:0.00} us of CPU, {allocated / times} bytes allocated");
    }

    /// <summary>Keys of 34 bytes on average, in random order, with values of 256 bytes.</summary>
    private static PutRequest[] Puts(int count)
    {
        var random = new Random(7);
        var puts = new PutRequest[count];
        for (int i = 0; i < count; i++)
            puts[i] = Put($"/registry/pods/ns-{i % 100}/pod-{(uint)i * 2654435761u:x8}{i % 7}", new string('v', 256));
        random.Shuffle(puts);
        return puts;
    }
}
