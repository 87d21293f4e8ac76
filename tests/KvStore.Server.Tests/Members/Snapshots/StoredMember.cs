using Google.Protobuf;
using KvStore.Mvcc;
using KvStore.Mvcc.Commands;
using KvStore.Protocol;
using KvStore.Raft;
using KvStore.Server.Members;
using KvStore.Server.Members.Checkpoints;
using KvStore.Server.Members.Snapshots;
using KvStore.Simulation.Scheduling;
using KvStore.Storage;
using KvStore.Storage.Disks;
using KvStore.Storage.Wal;

namespace KvStore.Server.Tests.Members.Snapshots;

/// <summary>A member's log, state and checkpoints on the calling thread, without raft: what is logged is committed.</summary>
internal sealed class StoredMember : IDisposable
{
    private static readonly WalOptions SmallLog = new() { SegmentBytes = 12 << 10 };

    private readonly IMemberParts _parts;
    private readonly DataDirectory _directory;
    private readonly SimulatedScheduler _scheduler;
    private readonly WriteAheadLog _wal;
    private readonly ulong _term;

    private StoredMember(IDisk disk, string path, IMemberParts parts, ulong term)
    {
        (Disk, _parts, _term) = (disk, parts, term);
        _directory = DataDirectory.Open(disk, path);
        if (_directory.IsNew)
            MemberStorage.Bootstrap(disk, _directory, directoryId: 1, new WalIdentity(1, 7), SmallLog, [FirstEntry()]);
        var storage = MemberStorage.Open(disk, _directory, SmallLog, parts, _ => false);
        (_wal, Machine, Troubles, NewestCheckpoint) = (storage.Wal, storage.Machine, storage.Troubles, storage.NewestCheckpoint?.Number);
        var time = new VirtualTime();
        _scheduler = new SimulatedScheduler(time);
        Checkpointer = new Checkpointer(
            storage.Checkpoints, Machine.Store.Values, Machine.Store.Index, new CheckpointPolicy(long.MaxValue, long.MaxValue, time), time)
        {
            Capture = values => new CheckpointManifest(Machine.AppliedIndex, Machine.Store.CurrentRevision, values, Machine.SaveState()),
            Completed = OnCheckpoint,
            Failed = failure => Failure = failure,
            WakeApply = () => { },
        };
        Checkpointer.Start(_scheduler, storage.NewestCheckpoint);
        Receiver = new SnapshotReceiver(disk, _directory, parts);
        foreach (var entry in storage.Tail)
            ApplyLogged(entry);
    }

    public IDisk Disk { get; }

    public StateMachine Machine { get; private set; }

    public Checkpointer Checkpointer { get; }

    public SnapshotReceiver Receiver { get; }

    public IReadOnlyList<string> Troubles { get; }

    public long? NewestCheckpoint { get; }

    public Exception? Failure { get; private set; }

    public DataDirectory Directory => _directory;

    public WriteAheadLog Wal => _wal;

    public long Revision => Machine.Store.CurrentRevision;

    public static StoredMember Open(IDisk disk, string path, IMemberParts parts, ulong term = 1) => new(disk, path, parts, term);

    public ApplyResult Apply(CommandKind kind, IMessage request)
    {
        var entry = new Entry(_term, _wal.LastIndex + 1, EntryType.Normal, CommandBatch.Encode(new Command(kind, 1, request.ToByteArray())));
        _wal.Append([entry], new HardState(_term, NodeId.None, entry.Index));
        _wal.Sync();
        return ApplyLogged(entry);
    }

    /// <summary>Several commands in one entry.</summary>
    public void ApplyAll(ReadOnlySpan<Command> commands)
    {
        var entry = new Entry(_term, _wal.LastIndex + 1, EntryType.Normal, CommandBatch.Encode(commands));
        _wal.Append([entry], new HardState(_term, NodeId.None, entry.Index));
        _wal.Sync();
        ApplyLogged(entry);
    }

    public StoredMember Put(string key, string value, long lease = 0)
    {
        Apply(CommandKind.Put, new PutRequest { Key = ByteString.CopyFromUtf8(key), Value = ByteString.CopyFromUtf8(value), Lease = lease });
        return this;
    }

    public StoredMember TakeCheckpoint()
    {
        bool hasEnded = false;
        Checkpointer.Request(() => hasEnded = true);
        while (!hasEnded)
        {
            Checkpointer.Advance();
            RunLoops();
        }
        return this;
    }

    /// <summary>Lets the compaction run to its end.</summary>
    public StoredMember Clean()
    {
        while (!Machine.Store.CompactStep(1000))
        {
        }
        for (int pass = 0; pass < 2; pass++)
            Machine.Store.ReclaimStep(Machine.Store.Values.SizeBytes);
        return this;
    }

    public SnapshotSender Send(byte[]? position = null) => SnapshotSender.Open(Checkpointer, position ?? [])!;

    /// <summary>Takes a whole body in.</summary>
    public StagedSnapshot Receive(SnapshotSender sender)
    {
        Assert.Empty(Receiver.Begin());
        while (sender.TryReadChunk(out var chunk))
            Receiver.Write(chunk.Span);
        return Stage();
    }

    public StagedSnapshot Stage()
    {
        StagedSnapshot? staged;
        while (!Receiver.TryComplete(out staged))
            Thread.Yield();
        return staged!;
    }

    /// <summary>As the loops of a member do it, in their order.</summary>
    public StoredMember Install(StagedSnapshot staged)
    {
        using (staged)
        {
            var machine = staged.Load(_parts, _ => false);
            Exception? failure = null;
            Checkpointer.Install(staged, ended => failure = ended);
            RunLoops();
            Assert.Null(failure);
            _wal.AppendRestart(staged.Mark);
            _wal.Sync();
            _wal.ReleaseBefore(staged.Head.Applied.Index + 1);
            Checkpointer.Replace(machine.Store.Values, machine.Store.Index);
            Close(Machine);
            Machine = machine;
            Checkpointer.Tidy();
            RunLoops();
        }
        return this;
    }

    public void RunLoops()
    {
        while (_scheduler.RunOne())
        {
        }
    }

    public IReadOnlyList<int> Generations() => new ValueGenerations(Disk, _directory).Existing();

    public bool IsAnythingStaged() => Disk.DirectoryExists(_directory.Snapshot) && Disk.List(_directory.Snapshot).Count > 0;

    /// <summary>All that can be read at every revision, the leases with their keys, and the hash over all.</summary>
    public string Describe()
    {
        var text = new StringWriter();
        long first = Math.Max(1, Machine.Store.CompactRevision);
        text.WriteLine($"applied {Machine.AppliedTerm}/{Machine.AppliedIndex}, {first} to {Revision}, hash {Machine.HashEverything():x}");
        for (long revision = first; revision <= Revision; revision++)
        {
            var all = Machine.Ranges.Range(new RangeRequest { Key = ByteString.CopyFrom(0), RangeEnd = ByteString.CopyFrom(0), Revision = revision });
            text.WriteLine($"{revision}: {string.Join(", ", all.Kvs.Select(kv => $"{kv.Key.ToStringUtf8()}@{kv.ModRevision} {Crc32C.Of(kv.ToByteArray()):x}"))}");
        }
        foreach (var lease in Machine.Leases.List().OrderBy(lease => lease.Id.Value))
            text.WriteLine($"{lease}: {string.Join(", ", Machine.Leases.KeysOf(lease.Id).Select(Convert.ToHexString).Order(StringComparer.Ordinal))}");
        text.WriteLine(Convert.ToHexString(Machine.Configuration.Span));
        return text.ToString();
    }

    public void Dispose()
    {
        Checkpointer.Stop();
        Receiver.Dispose();
        _wal.Dispose();
        Close(Machine);
        _directory.Dispose();
    }

    private static void Close(StateMachine machine)
    {
        machine.Store.Values.Dispose();
        machine.Store.Index.Dispose();
    }

    private static Entry FirstEntry() =>
        new(1, 1, EntryType.ConfChange, new ConfChange(ConfChangeType.AddNode, new NodeId(7), default).Encode());

    private ApplyResult ApplyLogged(in Entry entry)
    {
        var result = default(ApplyResult);
        if (entry.Type == EntryType.ConfChange)
        {
            Machine.Configuration = ConfStateCodec.Encode(new ConfState { Voters = [new NodeId(7)] });
        }
        else
        {
            var commands = CommandBatch.Read(entry.Data);
            while (commands.TryRead(out var command))
                result = Machine.Apply(entry.Index, command);
        }
        Machine.CompleteEntry(entry.Index, entry.Term);
        return result;
    }

    private void OnCheckpoint(CheckpointManifest manifest, ulong firstNeeded, TimeSpan took)
    {
        var applied = SnapshotIdentity.Of(0, manifest).Applied;
        var image = Mvcc.State.StateImage.Decode(manifest.State.Span);
        _wal.AppendMark(new CheckpointMark(applied, ConfStateCodec.Decode(image.Configuration.Span), default));
        _wal.Sync();
        _wal.ReleaseBefore(firstNeeded);
    }
}
