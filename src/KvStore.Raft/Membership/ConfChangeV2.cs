namespace KvStore.Raft;

/// <summary>A membership change of any number of steps, in one go or through a joint configuration (thesis §4.3).</summary>
/// <remarks>
/// Without steps and with an automatic transition it means: leave the joint configuration. It then encodes to no bytes at all,
/// so that no size limit can ever refuse it. Encoded as etcd-io/raft does, in protobuf:
/// <code>
/// 1 varint Transition | 2 message { 1 varint Type | 2 varint NodeId }, once a step | 3 bytes Context
/// </code>
/// </remarks>
public sealed record ConfChangeV2
{
    public ConfChangeTransition Transition { get; init; }

    public IReadOnlyList<ConfChangeSingle> Changes { get; init; } = [];

    public ReadOnlyMemory<byte> Context { get; init; }

    /// <summary>Whether this asks to leave the joint configuration.</summary>
    public bool IsLeaveJoint => Transition == ConfChangeTransition.Auto && Changes.Count == 0;

    /// <summary>Whether this goes through a joint configuration.</summary>
    /// <remarks>
    /// Some changes of several steps would be safe in one; which ones depends on the configuration, so none is.
    /// </remarks>
    public bool IsEnterJoint => !IsLeaveJoint && (Transition != ConfChangeTransition.Auto || Changes.Count > 1);

    /// <summary>Whether the leader leaves the joint configuration by itself.</summary>
    public bool IsAutoLeave => IsEnterJoint && Transition != ConfChangeTransition.JointExplicit;

    /// <summary>The change that a committed entry carries, of either kind.</summary>
    /// <returns>Null when the entry carries none, or its bytes are no change.</returns>
    public static ConfChangeV2? FromEntry(in Entry entry) => entry.Type switch
    {
        EntryType.ConfChange => ConfChange.Decode(entry.Data)?.AsV2(),
        EntryType.ConfChangeV2 => Decode(entry.Data),
        _ => null,
    };

    public byte[] Encode()
    {
        var writer = new ProtoWriter();
        writer.Varint(1, (ulong)Transition);
        foreach (var change in Changes)
            writer.Bytes(2, EncodeSingle(change), keepEmpty: true);
        writer.Bytes(3, Context.Span);
        return writer.ToArray();
    }

    /// <returns>Null when the bytes are no such change.</returns>
    public static ConfChangeV2? Decode(ReadOnlyMemory<byte> data)
    {
        ulong transition = 0;
        var changes = new List<ConfChangeSingle>();
        ReadOnlyMemory<byte> context = default;
        var reader = new ProtoReader(data);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: transition = reader.Number; break;
                case 2 when DecodeSingle(reader.Payload) is { } change: changes.Add(change); break;
                case 2: return null;
                case 3: context = reader.Payload; break;
            }
        }
        return reader.IsMalformed || transition > (ulong)ConfChangeTransition.JointExplicit
            ? null
            : new ConfChangeV2 { Transition = (ConfChangeTransition)transition, Changes = changes, Context = context };
    }

    private static byte[] EncodeSingle(ConfChangeSingle change)
    {
        var writer = new ProtoWriter();
        writer.Varint(1, (ulong)change.Type);
        writer.Varint(2, change.NodeId.Value);
        return writer.ToArray();
    }

    private static ConfChangeSingle? DecodeSingle(ReadOnlyMemory<byte> data)
    {
        var (type, node) = (0UL, 0UL);
        var reader = new ProtoReader(data);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: type = reader.Number; break;
                case 2: node = reader.Number; break;
            }
        }
        return reader.IsMalformed || type > (ulong)ConfChangeType.AddLearnerNode
            ? null
            : new ConfChangeSingle((ConfChangeType)type, new NodeId(node));
    }
}
