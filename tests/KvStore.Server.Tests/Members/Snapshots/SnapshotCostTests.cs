using System.Diagnostics;
using Google.Protobuf;
using KvStore.Mvcc.Commands;
using KvStore.Protocol;
using KvStore.Server.Hosting;
using KvStore.Server.Members.Snapshots;
using KvStore.Storage.Disks;
using KvStore.Testing;

namespace KvStore.Server.Tests.Members.Snapshots;

/// <summary>What a snapshot costs on a real disk, with the parts of production; told, and held to what does not depend on the machine.</summary>
public sealed class SnapshotCostTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_snapshot_is_little_more_than_what_is_stored()
    {
        int keys = Lanes.Pick(fast: 5_000, readme: 20_000, @long: 1_000_000);
        using var from = Open("from");
        Fill(from, keys);
        from.TakeCheckpoint();
        uint hash = from.Machine.HashEverything();

        var onlySend = Measure(() =>
        {
            using var sender = from.Send();
            while (sender.TryReadChunk(out _))
            {
            }
        });
        using var to = Open("to");
        long bytes = 0, allocated = GC.GetTotalAllocatedBytes();
        StagedSnapshot? staged = null;
        var transfer = Measure(() =>
        {
            to.Receiver.Begin();
            using var sender = from.Send();
            while (sender.TryReadChunk(out var chunk))
            {
                bytes += chunk.Length;
                to.Receiver.Write(chunk.Span);
            }
            staged = to.Stage();
        });
        allocated = GC.GetTotalAllocatedBytes() - allocated;
        var install = Measure(() => to.Install(staged!));

        Assert.Equal(hash, to.Machine.HashEverything());
        // A key of 20 bytes in the index file, a value of 256 with its fields, their heads.
        Assert.InRange(bytes / keys, 300, 400);
        Figures.Report($"snapshot of {keys} keys, {bytes >> 20} MiB: send {onlySend}; send and receive {transfer}, "
            + $"{allocated >> 20} MiB allocated; load and install {install}");
    }

    private static string Measure(Action action)
    {
        var cpu = Environment.CpuUsage.TotalTime;
        long start = Stopwatch.GetTimestamp();
        action();
        return $"{Stopwatch.GetElapsedTime(start).TotalSeconds:F2} s, {(Environment.CpuUsage.TotalTime - cpu).TotalSeconds:F2} s CPU";
    }

    private static void Fill(StoredMember member, int keys)
    {
        const int batch = 1_000;
        var value = ByteString.CopyFrom(new byte[256]);
        var commands = new Command[batch];
        for (int first = 0; first < keys; first += batch)
        {
            for (int i = 0; i < batch; i++)
            {
                var put = new PutRequest { Key = ByteString.CopyFromUtf8($"registry/pods/{first + i:d8}"), Value = value };
                commands[i] = new Command(CommandKind.Put, 1, put.ToByteArray());
            }
            member.ApplyAll(commands);
        }
    }

    private StoredMember Open(string name) => StoredMember.Open(new RealDisk(), Path.Combine(_directory.Path, name), new ProductionParts(64 << 20));
}
