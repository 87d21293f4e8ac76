using KvStore.Mvcc;
using KvStore.Raft;
using KvStore.Storage.Disks;

namespace KvStore.Server.Members.Snapshots;

/// <summary>Snapshots on their way in: received, offered to raft, and taken over or dropped as raft decides.</summary>
/// <remarks>
/// <code>
/// network:    Begin, Write, ..., TryOffer      the body is durable and loaded; raft gets its Snap message
/// raft loop:  ignored -> Drop                  what is here is newer
/// log loop:   accepted -> Accept, and when it is a checkpoint and the log says so:
/// apply loop: TakeOver                         the state in force from now on
/// </code>
/// </remarks>
internal sealed class SnapshotInstaller(
    IDisk disk, DataDirectory directory, IMemberParts parts, Func<DiskFullException, bool> waitForSpace) : IDisposable
{
    private readonly SnapshotReceiver _receiver = new(disk, directory, parts);
    private readonly Dictionary<EntryId, (StagedSnapshot Staged, StateMachine Machine)> _offered = [];
    private readonly Lock _lock = new();

    /// <summary>Begins a transfer.</summary>
    /// <returns>What is there already of an earlier one, for the sender.</returns>
    public byte[] Begin() => _receiver.Begin();

    /// <exception cref="InvalidDataException">What came is damaged; the transfer is over.</exception>
    /// <exception cref="IOException">The disk failed or is full; the transfer is over.</exception>
    public void Write(ReadOnlySpan<byte> bytes) => _receiver.Write(bytes);

    /// <summary>Behind the last byte: makes it durable, a step a call, and offers it then.</summary>
    /// <param name="snap">The message that announced it.</param>
    /// <param name="deliver">Takes the message to raft.</param>
    /// <returns>Whether that is done; else call again soon.</returns>
    /// <exception cref="InvalidDataException">It did not come whole, or is damaged.</exception>
    /// <exception cref="IOException">The disk failed or is full.</exception>
    public bool TryOffer(Message snap, Action<Message> deliver)
    {
        if (!_receiver.IsWhole)
            throw new InvalidDataException("the snapshot ended before its end");
        if (!_receiver.TryComplete(out var staged))
            return false;
        var machine = Load(staged!);
        var id = staged!.Head.Applied;
        lock (_lock)
        {
            if (!_offered.TryAdd(id, (staged, machine)))
            {
                Close(staged, machine);
                return true; // Raft has it already.
            }
        }
        // The sender may have a newer checkpoint by now than when it announced one.
        deliver(snap with { Snapshot = new Snapshot(new SnapshotMetadata(staged.Head.ConfState, id.Index, id.Term), default) });
        return true;
    }

    /// <summary>The snapshot that raft has accepted, to be made a checkpoint.</summary>
    public StagedSnapshot Accept(Snapshot snapshot)
    {
        lock (_lock)
            return _offered[snapshot.Metadata.Id].Staged;
    }

    /// <summary>The state of a snapshot that is a checkpoint now.</summary>
    public StateMachine TakeOver(Snapshot snapshot)
    {
        lock (_lock)
        {
            _offered.Remove(snapshot.Metadata.Id, out var taken);
            return taken.Machine;
        }
    }

    /// <summary>Raft had no use for it.</summary>
    public void Drop(Snapshot snapshot)
    {
        lock (_lock)
        {
            if (_offered.Remove(snapshot.Metadata.Id, out var dropped))
                Close(dropped.Staged, dropped.Machine);
        }
    }

    public void Dispose()
    {
        _receiver.Dispose();
        lock (_lock)
        {
            foreach (var (staged, machine) in _offered.Values)
                Close(staged, machine);
            _offered.Clear();
        }
    }

    private StateMachine Load(StagedSnapshot staged)
    {
        try
        {
            return staged.Load(parts, waitForSpace);
        }
        catch
        {
            staged.Dispose();
            throw;
        }
    }

    private static void Close(StagedSnapshot staged, StateMachine machine)
    {
        machine.Store.Values.Dispose();
        machine.Store.Index.Dispose();
        staged.Dispose();
    }
}
