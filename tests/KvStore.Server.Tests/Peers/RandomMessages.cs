using KvStore.Raft;

namespace KvStore.Server.Tests.Peers;

/// <summary>Messages with anything in them that a peer may send, drawn from a seed.</summary>
internal sealed class RandomMessages(int seed, NodeId from, NodeId to)
{
    public static readonly MessageType[] Types = [.. Enum.GetValues<MessageType>().Where(type => !Message.IsLocal(type))];

    private readonly Random _random = new(seed);

    public Message Next() => Next(Types[_random.Next(Types.Length)]);

    public Message Next(MessageType type) => new()
    {
        Type = type,
        From = type == MessageType.TransferLeader && Chance() ? new NodeId(Number() | 1) : from,
        To = to,
        Term = Number(),
        LogTerm = Number(),
        Index = Number(),
        Commit = Number(),
        Vote = new NodeId(Number()),
        RejectHint = Number(),
        Reject = Chance(),
        Context = Chance() ? Bytes(30) : default,
        Snapshot = type == MessageType.Snap ? NextSnapshot() : null,
        Entries = type is MessageType.App or MessageType.Prop ? NextEntries() : default,
    };

    public byte[] Bytes(int most)
    {
        byte[] bytes = new byte[_random.Next(most + 1)];
        _random.NextBytes(bytes);
        return bytes;
    }

    private Snapshot NextSnapshot() => new(
        new SnapshotMetadata(
            new ConfState
            {
                AutoLeave = Chance(), Voters = Ids(), Learners = Ids(), VotersOutgoing = Ids(), LearnersNext = Ids(),
            },
            Number(), Number()),
        Bytes(100));

    private Entry[] NextEntries()
    {
        ulong term = Number();
        ulong index = Number();
        return [.. Enumerable.Range(0, _random.Next(20)).Select(i => new Entry(
            Chance() ? term : Number(), Chance() ? unchecked(index + (ulong)i) : Number(), (EntryType)_random.Next(3), Bytes(Chance() ? 0 : 400)))];
    }

    private NodeId[] Ids() => [.. Enumerable.Range(0, _random.Next(4)).Select(_ => new NodeId(Number()))];

    private ulong Number() => _random.Next(4) == 0 ? 0 : (ulong)_random.NextInt64() >> _random.Next(64);

    private bool Chance() => _random.Next(2) == 0;
}
