using KvStore.Mvcc;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.State;
using KvStore.Mvcc.Store;
using KvStore.Raft;
using KvStore.Server.Members.Checkpoints;
using KvStore.Server.Members.Snapshots;
using KvStore.Storage.Disks;
using KvStore.Storage.Values;
using KvStore.Storage.Wal;

namespace KvStore.Server.Members;

/// <summary>Makes the parts that a member is stored in; the simulation has its own.</summary>
public interface IMemberParts
{
    IValueStore CreateValues(IDisk disk, string directory);

    IValueStore OpenValues(IDisk disk, string directory, CheckpointId checkpoint);

    IKeyIndex CreateIndex();

    /// <summary>Does independent work, at the same time where that may be; returns when all of it is done.</summary>
    /// <exception cref="Exception">The first failure, in the order of the work.</exception>
    void DoAll(params ReadOnlySpan<Action> work);
}

/// <summary>What a member finds on its disk when it starts: the newest usable checkpoint, and the log behind it.</summary>
internal sealed class MemberStorage
{
    private MemberStorage(WriteAheadLog wal, StateMachine machine, CheckpointDirectory checkpoints, (long, CheckpointManifest)? newest)
    {
        (Wal, Machine, Checkpoints, NewestCheckpoint) = (wal, machine, checkpoints, newest);
    }

    public WriteAheadLog Wal { get; }

    public StateMachine Machine { get; }

    public CheckpointDirectory Checkpoints { get; }

    public (long Number, CheckpointManifest Manifest)? NewestCheckpoint { get; }

    /// <summary>The entries behind the checkpoint, to be applied again.</summary>
    public required IReadOnlyList<Entry> Tail { get; init; }

    public required EntryId Applied { get; init; }

    public required ConfState ConfState { get; init; }

    /// <summary>Why older or slower ways had to be taken; to be logged.</summary>
    public required IReadOnlyList<string> Troubles { get; init; }

    /// <summary>Makes the log of a new member: its first entries say who the members are; that of one that joins has none.</summary>
    public static void Bootstrap(
        IDisk disk, DataDirectory directory, ulong directoryId, WalIdentity identity, WalOptions options, IReadOnlyList<Entry> entries)
    {
        Clear(disk, directory);
        disk.CreateDirectory(directory.Wal);
        disk.CreateDirectory(directory.Checkpoints);
        using var wal = WriteAheadLog.Create(disk, directory.Wal, identity, options);
        if (entries.Count > 0)
            wal.Append(entries.ToArray(), new HardState(1, NodeId.None, entries[^1].Index));
        wal.Sync();
        directory.MarkAsOurs(disk, directoryId, isJoined: entries.Count == 0);
    }

    /// <exception cref="InvalidDataException">What is there cannot be used; nothing that it holds was changed.</exception>
    public static MemberStorage Open(
        IDisk disk, DataDirectory directory, WalOptions walOptions, IMemberParts parts, Func<DiskFullException, bool> waitForSpace)
    {
        var checkpoints = new CheckpointDirectory(disk, directory);
        var loader = new CheckpointLoader(disk, checkpoints.Generations, parts, waitForSpace);
        var troubles = new List<string>();
        WriteAheadLog? wal = null;
        (long Number, CheckpointManifest Manifest, StateMachine Machine)? newest = null;
        try
        {
            parts.DoAll(
                () => wal = WriteAheadLog.Open(disk, directory.Wal, walOptions),
                () => newest = LoadNewest(checkpoints, loader, troubles));
            while (newest is { Manifest.IsReceived: true } received && !IsInLog(wal!, received.Manifest))
            {
                Close(received.Machine);
                newest = null;
                checkpoints.Delete(received.Number);
                troubles.Add($"checkpoint {received.Number} is a snapshot whose installation was cut short: it is deleted, the one before it counts");
                newest = LoadNewest(checkpoints, loader, troubles);
            }
            var machine = newest?.Machine ?? Empty(disk, directory, wal!, parts, waitForSpace, troubles);
            var storage = Complete(directory, wal!, machine, checkpoints, newest is { } found ? (found.Number, found.Manifest) : null, troubles);
            CleanUp(disk, directory, checkpoints, newest?.Number, newest?.Manifest);
            return storage;
        }
        catch
        {
            wal?.Dispose();
            if (newest is { } opened)
                Close(opened.Machine);
            throw;
        }
    }

    private static (long Number, CheckpointManifest Manifest, StateMachine Machine)? LoadNewest(
        CheckpointDirectory checkpoints, CheckpointLoader loader, List<string> troubles)
    {
        foreach (long number in checkpoints.Numbers())
        {
            try
            {
                var manifest = checkpoints.Read(number);
                return (number, manifest, loader.Load(manifest, checkpoints.IndexPath(number), troubles));
            }
            catch (Exception damage) when (damage is InvalidDataException or FileNotFoundException)
            {
                troubles.Add($"checkpoint {number} cannot be used, taking the one before it: {damage.Message}");
            }
        }
        return null;
    }

    /// <summary>Whether the log goes on behind a snapshot. Its checkpoint is durable first and the log's mark second, so a crash
    /// between them leaves a log that knows nothing of it.</summary>
    private static bool IsInLog(WriteAheadLog wal, CheckpointManifest manifest)
    {
        ulong term = StateImage.Decode(manifest.State.Span).AppliedTerm;
        // Entries that are gone from the log were in it: then an older checkpoint can only be worse.
        return manifest.AppliedIndex + 1 < wal.FirstIndex
            || manifest.AppliedIndex <= wal.LastIndex && (!wal.TryGetTerm(manifest.AppliedIndex, out ulong logged) || logged == term);
    }

    /// <summary>Deletes what a snapshot that was not installed left behind, and what one that was installed has replaced.</summary>
    private static void CleanUp(IDisk disk, DataDirectory directory, CheckpointDirectory checkpoints, long? opened, CheckpointManifest? manifest)
    {
        StagedSnapshot.DeleteStaging(disk, directory);
        // Whatever is older stands before the beginning of the log, so nothing could come of it.
        if (manifest is { IsReceived: true })
            checkpoints.KeepOnly([opened!.Value]);
        var referred = checkpoints.ReferredGenerations();
        foreach (int generation in checkpoints.Generations.Existing())
        {
            if (generation != (manifest?.Generation ?? 0) && !referred.Contains(generation))
                checkpoints.Generations.Delete(generation);
        }
    }

    private static void Close(StateMachine machine)
    {
        machine.Store.Values.Dispose();
        machine.Store.Index.Dispose();
    }

    /// <summary>The state before the first entry, for a log that still begins there.</summary>
    private static StateMachine Empty(
        IDisk disk, DataDirectory directory, WriteAheadLog wal, IMemberParts parts, Func<DiskFullException, bool> waitForSpace,
        IReadOnlyList<string> troubles)
    {
        if (wal.FirstIndex > 1)
        {
            throw new InvalidDataException(
                $"no checkpoint in {directory.Checkpoints} can be used and the log begins at entry {wal.FirstIndex}: restore the member from a backup"
                + string.Concat(troubles.Select(trouble => "; " + trouble)));
        }
        return new StateMachine(new MvccStore(parts.CreateIndex(), parts.CreateValues(disk, directory.Values), waitForSpace: waitForSpace));
    }

    private static MemberStorage Complete(
        DataDirectory directory, WriteAheadLog wal, StateMachine machine, CheckpointDirectory checkpoints, (long, CheckpointManifest)? newest, List<string> troubles)
    {
        var applied = new EntryId(machine.AppliedTerm, machine.AppliedIndex);
        if (applied.Index + 1 < wal.FirstIndex || applied.Index > wal.LastIndex)
        {
            throw new InvalidDataException(
                $"the checkpoint is of entry {applied.Index}, but the log holds {wal.FirstIndex} to {wal.LastIndex}: files are missing, restore the member from a backup");
        }
        var tail = ReadTail(wal, applied.Index + 1);
        // The first entries, which name the members, are durable before the directory counts as ours.
        if (machine.Configuration.IsEmpty && tail.Count == 0 && !directory.IsJoined)
            throw new InvalidDataException("the log is empty though the directory was in use: what it held is lost, restore the member from a backup");
        return new MemberStorage(wal, machine, checkpoints, newest)
        {
            Applied = applied,
            ConfState = machine.Configuration.IsEmpty ? ConfState.Empty : ConfStateCodec.Decode(machine.Configuration.Span),
            Tail = tail,
            Troubles = troubles,
        };
    }

    private static List<Entry> ReadTail(WriteAheadLog wal, ulong from)
    {
        var tail = new List<Entry>();
        while (from <= wal.LastIndex)
        {
            var entries = wal.ReadEntries(from, wal.LastIndex + 1, 64 << 20);
            tail.AddRange(entries);
            from = entries[^1].Index + 1;
        }
        return tail;
    }

    /// <summary>What a start that never came to its end left behind.</summary>
    private static void Clear(IDisk disk, DataDirectory directory)
    {
        foreach (string folder in new[] { directory.Wal, directory.Values, directory.Checkpoints })
        {
            if (!disk.DirectoryExists(folder))
                continue;
            foreach (string name in disk.List(folder))
                disk.Delete(Path.Combine(folder, name));
        }
    }
}
