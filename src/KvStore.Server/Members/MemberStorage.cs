using KvStore.Mvcc;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.State;
using KvStore.Mvcc.Store;
using KvStore.Raft;
using KvStore.Server.Members.Checkpoints;
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

    /// <summary>Makes the log of a new member: its first entries say who the members are.</summary>
    public static void Bootstrap(IDisk disk, DataDirectory directory, WalIdentity identity, WalOptions options, IReadOnlyList<Entry> entries)
    {
        Clear(disk, directory);
        disk.CreateDirectory(directory.Wal);
        disk.CreateDirectory(directory.Checkpoints);
        using var wal = WriteAheadLog.Create(disk, directory.Wal, identity, options);
        wal.Append(entries.ToArray(), new HardState(1, NodeId.None, entries[^1].Index));
        wal.Sync();
        directory.MarkAsOurs(disk);
    }

    /// <exception cref="InvalidDataException">What is there cannot be used; nothing that it holds was changed.</exception>
    public static MemberStorage Open(
        IDisk disk, DataDirectory directory, WalOptions walOptions, IMemberParts parts, Func<DiskFullException, bool> waitForSpace)
    {
        var checkpoints = new CheckpointDirectory(disk, directory.Checkpoints);
        var troubles = new List<string>();
        WriteAheadLog? wal = null;
        (long Number, CheckpointManifest Manifest, StateMachine Machine)? newest = null;
        try
        {
            parts.DoAll(
                () => wal = WriteAheadLog.Open(disk, directory.Wal, walOptions),
                () => newest = LoadNewest(disk, directory, checkpoints, parts, waitForSpace, troubles));
            var machine = newest?.Machine ?? Empty(disk, directory, wal!, parts, waitForSpace, troubles);
            return Complete(wal!, machine, checkpoints, newest is { } found ? (found.Number, found.Manifest) : null, troubles);
        }
        catch
        {
            wal?.Dispose();
            newest?.Machine.Store.Values.Dispose();
            newest?.Machine.Store.Index.Dispose();
            throw;
        }
    }

    private static (long Number, CheckpointManifest Manifest, StateMachine Machine)? LoadNewest(
        IDisk disk, DataDirectory directory, CheckpointDirectory checkpoints, IMemberParts parts, Func<DiskFullException, bool> waitForSpace,
        List<string> troubles)
    {
        foreach (long number in checkpoints.Numbers())
        {
            try
            {
                var manifest = checkpoints.Read(number);
                return (number, manifest, Load(disk, directory, checkpoints, number, manifest, parts, waitForSpace, troubles));
            }
            catch (Exception damage) when (damage is InvalidDataException or FileNotFoundException)
            {
                troubles.Add($"checkpoint {number} cannot be used, taking the one before it: {damage.Message}");
            }
        }
        return null;
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

    private static StateMachine Load(
        IDisk disk, DataDirectory directory, CheckpointDirectory checkpoints, long number, CheckpointManifest manifest, IMemberParts parts,
        Func<DiskFullException, bool> waitForSpace, List<string> troubles)
    {
        IValueStore? values = null;
        IKeyIndex? index = null;
        try
        {
            parts.DoAll(
                () => values = parts.OpenValues(disk, directory.Values, manifest.Values),
                () => index = TryLoadIndex(disk, checkpoints.IndexPath(number), manifest.Revision, parts, troubles));
            index ??= RebuildIndex(values!, manifest.Revision, parts);
            return StateMachine.Load(manifest.State.Span, image =>
                new MvccStore(index, values!, image.CurrentRevision, image.CompactRevision, waitForSpace));
        }
        catch
        {
            values?.Dispose();
            index?.Dispose();
            throw;
        }
    }

    /// <summary>The saved key index, or null when that cannot be used.</summary>
    private static IKeyIndex? TryLoadIndex(IDisk disk, string path, long revision, IMemberParts parts, List<string> troubles)
    {
        var index = parts.CreateIndex();
        try
        {
            using var file = disk.Open(path, FileOpening.Existing);
            long saved = IndexFile.Load(file, index);
            // A checkpoint that came to nothing may have left its key index under this number.
            if (saved != revision)
                throw new InvalidDataException($"'{path}' is of revision {saved}, its checkpoint of {revision}");
            return index;
        }
        catch (Exception damage) when (damage is InvalidDataException or FileNotFoundException)
        {
            troubles.Add($"the saved key index cannot be used, it is made anew from the values: {damage.Message}");
            index.Dispose();
            return null;
        }
    }

    private static IKeyIndex RebuildIndex(IValueStore values, long revision, IMemberParts parts)
    {
        var index = parts.CreateIndex();
        IndexRebuild.FromValues(index, values, revision);
        return index;
    }

    private static MemberStorage Complete(
        WriteAheadLog wal, StateMachine machine, CheckpointDirectory checkpoints, (long, CheckpointManifest)? newest, List<string> troubles)
    {
        var applied = new EntryId(machine.AppliedTerm, machine.AppliedIndex);
        if (applied.Index + 1 < wal.FirstIndex || applied.Index > wal.LastIndex)
        {
            throw new InvalidDataException(
                $"the checkpoint is of entry {applied.Index}, but the log holds {wal.FirstIndex} to {wal.LastIndex}: files are missing, restore the member from a backup");
        }
        var tail = ReadTail(wal, applied.Index + 1);
        // The first entries, which name the members, are durable before the directory counts as ours.
        if (machine.Configuration.IsEmpty && tail.Count == 0)
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
