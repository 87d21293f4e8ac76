using KvStore.Raft;
using KvStore.Server.Members.Snapshots;
using KvStore.Simulation.Members;
using KvStore.Simulation.Scheduling;
using KvStore.Storage.Disks.Simulated;

namespace KvStore.Simulation.Network;

/// <summary>A snapshot on its way from member to member, in pieces; it may break at each of them.</summary>
internal sealed class SnapshotTransfer(SimulatedCluster cluster, SeededRandom random, SimulatedMember from, SimulatedMember to, Message message)
{
    /// <summary>How soon one that is being made durable is looked after again.</summary>
    private static readonly TimeSpan CompletionPoll = TimeSpan.FromMilliseconds(2);

    private readonly SimulatedProcess _source = from.Process!;
    private readonly SimulatedProcess? _target = to.Process;
    private SnapshotSender? _sender;
    private bool _isOver;

    public SimulatedMember From => from;

    public SimulatedMember To => to;

    public Message Message => message;

    public void Begin() => OnTarget(() =>
    {
        byte[] position = to.Member!.Snapshots.Begin();
        cluster.Trace.Add("snapshot", from.Number, to.Number);
        OnSource(() =>
        {
            _sender = from.Member!.OpenSnapshot(position);
            if (_sender is null)
                End(isSuccess: false);
            else
                SendPiece();
        });
    });

    public void Break() => End(isSuccess: false);

    private void SendPiece()
    {
        if (!_sender!.TryReadChunk(out var chunk))
        {
            OnTarget(Complete);
            return;
        }
        byte[] piece = chunk.ToArray();
        OnTarget(() =>
        {
            // Cut anywhere, as streams are.
            int cut = random.Next(piece.Length + 1);
            to.Member!.Snapshots.Write(piece.AsSpan(0, cut));
            to.Member.Snapshots.Write(piece.AsSpan(cut));
            OnSource(SendPiece);
        });
    }

    private void Complete()
    {
        if (to.Member!.Snapshots.TryOffer(message, to.Member.Deliver))
        {
            End(isSuccess: true);
            cluster.Misfortunes.SnapshotArrived(to);
        }
        else
        {
            cluster.Time.After(CompletionPoll, _target, () => Try(Complete));
        }
    }

    private void OnSource(Action action) => Pass(to.Id, from.Id, _source, action);

    private void OnTarget(Action action) => Pass(from.Id, to.Id, _target, action);

    /// <summary>On to the other side, if the way is open and both live.</summary>
    private void Pass(NodeId here, NodeId there, SimulatedProcess? process, Action action)
    {
        bool isBroken = !cluster.IsCalm && random.Next(1000) < cluster.Plan.SnapshotBreaks;
        if (isBroken || process is not { IsAlive: true } || cluster.Network.IsCut(here, there))
            End(isSuccess: false);
        else
            cluster.Time.After(cluster.Network.Delay(), process, () => Try(action));
    }

    private void Try(Action action)
    {
        if (_isOver)
            return;
        if (!_source.IsAlive || _target is not { IsAlive: true } || to.Member is null)
        {
            End(isSuccess: false);
            return;
        }
        try
        {
            action();
        }
        catch (Exception failure) when (failure is IOException || failure is InvalidDataException && cluster.Plan.IndexRot > 0)
        {
            // The disk of one of the two is full or failed, or what is sent has rotted: the transfer is over, the members go on.
            cluster.Trace.Explain(() => failure.ToString());
            cluster.Trace.Add(failure is KvStore.Storage.Disks.DiskFullException ? "snapshot: disk full" : "snapshot: I/O error", from.Number, to.Number);
            End(isSuccess: false);
        }
    }

    private void End(bool isSuccess)
    {
        if (_isOver)
            return;
        _isOver = true;
        cluster.Trace.Add(isSuccess ? "snapshot arrived" : "snapshot broke", from.Number, to.Number);
        cluster.Network.Ended(this, isSuccess);
        if (!_source.IsAlive)
            return;
        _source.Run(() => _sender?.Dispose());
        // A sender that hears nothing notices in the end.
        var delay = isSuccess ? cluster.Network.Delay() : cluster.Network.Delay() + TimeSpan.FromMilliseconds(random.Next(500));
        cluster.Network.ReportSnapshot(from, _source, delay, to.Id, isSuccess);
    }
}
