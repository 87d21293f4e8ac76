using KvStore.Raft;
using KvStore.Server.Members;
using KvStore.Server.Peers.Wire;
using KvStore.Simulation.Members;
using KvStore.Simulation.Scheduling;
using KvStore.Storage.Disks.Simulated;

namespace KvStore.Simulation.Network;

/// <summary>Takes messages from member to member, late, in another order, twice or never, as the weather is.</summary>
internal sealed class SimulatedNetwork(SimulatedCluster cluster)
{
    private static readonly int TypeCount = Enum.GetValues<MessageType>().Cast<int>().Max() + 1;

    private readonly SeededRandom _random = new(unchecked((ulong)cluster.Plan.Seed * 104_729));
    private readonly HashSet<(NodeId From, NodeId To)> _cuts = [];
    private readonly Dictionary<(NodeId From, NodeId To), TimeSpan> _mended = [];
    private readonly Dictionary<(NodeId From, NodeId To), TimeSpan> _lastArrivals = [];
    private readonly Dictionary<NodeId, SnapshotTransfer> _transfers = [];
    private readonly long[] _counts = new long[TypeCount];
    private byte[] _wire = [];
    private TimeSpan _stormUntil;

    public long MessageCount => _counts.Sum();

    public long LostCount { get; private set; }

    public long Bytes { get; private set; }

    public long SnapshotCount { get; private set; }

    public long BrokenSnapshotCount { get; private set; }

    public IPeerNetwork LinkOf(SimulatedMember member, SimulatedProcess process) => new Link(this, member, process);

    public long CountOf(MessageType type) => _counts[(int)type];

    public bool IsCut(NodeId from, NodeId to) => _cuts.Contains((from, to));

    public void Cut(NodeId from, NodeId to) => _cuts.Add((from, to));

    public void Mend(NodeId from, NodeId to)
    {
        _cuts.Remove((from, to));
        _mended[(from, to)] = cluster.Time.Now;
    }

    public void Storm(TimeSpan until) => _stormUntil = until;

    /// <summary>No more cuts, loss, duplicates and storms from now on.</summary>
    public void Heal()
    {
        _cuts.Clear();
        _stormUntil = TimeSpan.Zero;
    }

    /// <summary>What a message takes now.</summary>
    public TimeSpan Delay()
    {
        long most = cluster.Plan.MessageDelay.Ticks;
        long least = most / 10;
        // Most are quick and a few slow.
        double part = _random.Next(1 << 20) / (double)(1 << 20);
        var delay = new TimeSpan(least + (long)((most - least) * part * part * part));
        return IsStormy ? delay * 5 + TimeSpan.FromMilliseconds(_random.Next(300)) : delay;
    }

    /// <summary>The member's process ended, and its connections with it.</summary>
    public void Disconnect(SimulatedMember member)
    {
        foreach (var transfer in _transfers.Values.Where(transfer => transfer.From == member || transfer.To == member).ToList())
            transfer.Break();
    }

    public void Ended(SnapshotTransfer transfer, bool isSuccess)
    {
        _transfers.Remove(transfer.To.Id);
        if (isSuccess)
            SnapshotCount++;
        else
            BrokenSnapshotCount++;
    }

    private TimeSpan? ReachableFor(SimulatedMember member, NodeId peer)
    {
        if (cluster.Find(peer) is not { IsServing: true } other || IsCut(member.Id, peer) || IsCut(peer, member.Id))
            return null;
        var since = new[] { member.StartedAt, other.StartedAt, _mended.GetValueOrDefault((member.Id, peer)), _mended.GetValueOrDefault((peer, member.Id)) };
        return cluster.Time.Now - since.Max();
    }

    private bool IsStormy => cluster.Time.Now < _stormUntil;

    private void Send(SimulatedMember from, SimulatedProcess process, Message message)
    {
        _counts[(int)message.Type]++;
        cluster.Trace.Explain(() => $"{from.Number} to {message.To.Value & 15}: {message.Type} term {message.Term} index {message.Index} of term {message.LogTerm}, "
            + $"{message.Entries.Length} entries, commit {message.Commit}{(message.Reject ? ", refused" : "")}");
        cluster.Checker.Sent(from, message);
        cluster.Rules.Sent(from, message);
        if (cluster.Find(message.To) is not { } to)
            return;
        if (message.Type == MessageType.Snap)
            Transfer(from, process, to, message);
        else if (IsLost(from.Id, to.Id))
            Lose(process, from, to);
        else
            Deliver(from, to, message);
    }

    private bool IsLost(NodeId from, NodeId to) =>
        IsCut(from, to) || !cluster.IsCalm && _random.Next(1000) < (IsStormy ? 300 : cluster.Plan.Loss);

    private void Lose(SimulatedProcess process, SimulatedMember from, SimulatedMember to)
    {
        LostCount++;
        cluster.Trace.Add("lost", from.Number, to.Number);
        NoticeSome(process, from, to);
    }

    /// <summary>A transport notices some of what is lost.</summary>
    private void NoticeSome(SimulatedProcess process, SimulatedMember from, SimulatedMember to)
    {
        if (_random.Next(100) >= cluster.Plan.NoticedLosses)
            return;
        cluster.Time.After(Delay(), process, () =>
        {
            cluster.Rules.Reported(from, to.Id);
            from.Member!.ReportUnreachable(to.Id);
        });
    }

    /// <summary>As the other member reads it.</summary>
    private Message OverTheWire(SimulatedMember from, SimulatedMember to, Message message)
    {
        int length = (int)MessageCodec.MaxHeadBytes(message);
        foreach (ref readonly var entry in message.Entries.Span)
            length += entry.Data.Length;
        if (_wire.Length < length)
            _wire = new byte[2 * length];
        int used = MessageCodec.EncodeHead(message, from.Id, _wire);
        foreach (ref readonly var entry in message.Entries.Span)
        {
            entry.Data.Span.CopyTo(_wire.AsSpan(used));
            used += entry.Data.Length;
        }
        Bytes += used;
        return MessageCodec.Decode(_wire.AsSpan(0, used), from.Id, to.Id);
    }

    private void Deliver(SimulatedMember from, SimulatedMember to, Message message)
    {
        message = OverTheWire(from, to, message);
        DeliverOnce(from, to, message);
        // A transport sends nothing again: a proposal that came twice would be applied twice.
        if (!cluster.IsCalm && message.Type != MessageType.Prop && _random.Next(1000) < cluster.Plan.Duplicates)
            DeliverOnce(from, to, message);
    }

    private void DeliverOnce(SimulatedMember from, SimulatedMember to, Message message)
    {
        var due = cluster.Time.Now + Delay();
        if (cluster.Plan.IsOrdered)
        {
            due = TimeSpan.FromTicks(Math.Max(due.Ticks, _lastArrivals.GetValueOrDefault((from.Id, to.Id)).Ticks + 1));
            _lastArrivals[(from.Id, to.Id)] = due;
        }
        cluster.Time.At(due, null, () =>
        {
            if (!IsCut(from.Id, to.Id))
                Arrive(from, to, message);
        });
    }

    private void Arrive(SimulatedMember from, SimulatedMember to, Message message)
    {
        if (to.Process is not { IsAlive: true } process || to.Member is null)
        {
            if (from.IsUp)
                NoticeSome(from.Process!, from, to);
            return;
        }
        if (process.PausedUntil > cluster.Time.Now)
        {
            cluster.Time.At(process.PausedUntil, process, () => Arrive(from, to, message));
            return;
        }
        // As the transport does: who was removed is told so, and not listened to.
        if (to.Member.State.Members.IsRemoved(from.Id.Value))
        {
            from.NoteRemoved();
            return;
        }
        cluster.Rules.Arrived(from, to, message);
        process.Run(() => to.Member.Deliver(message));
    }

    /// <summary>A member hears how a snapshot's transfer ended.</summary>
    public void ReportSnapshot(SimulatedMember from, SimulatedProcess process, TimeSpan delay, NodeId to, bool isSuccess) => cluster.Time.After(delay, process, () =>
    {
        cluster.Rules.Reported(from, to);
        from.Member!.ReportSnapshot(to, isSuccess);
    });

    private void Transfer(SimulatedMember from, SimulatedProcess process, SimulatedMember to, Message message)
    {
        if (_transfers.TryGetValue(to.Id, out var current))
        {
            if (current.From != from && current.Message.Term >= message.Term)
            {
                ReportSnapshot(from, process, Delay(), to.Id, isSuccess: false);
                return;
            }
            current.Break();
        }
        var transfer = new SnapshotTransfer(cluster, _random, from, to, message);
        _transfers.Add(to.Id, transfer);
        transfer.Begin();
    }

    private sealed class Link(SimulatedNetwork network, SimulatedMember member, SimulatedProcess process) : IPeerNetwork
    {
        public void Send(Message message) => network.Send(member, process, message);

        public void SetMembers(IReadOnlyList<Protocol.Member> members)
        {
        }

        public TimeSpan? ReachableFor(NodeId peer) => network.ReachableFor(member, peer);
    }
}
