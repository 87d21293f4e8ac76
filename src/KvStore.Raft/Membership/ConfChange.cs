namespace KvStore.Raft;

/// <summary>The older kind of membership change: one step, never through a joint configuration (thesis §4.1).</summary>
/// <remarks>
/// Encoded as etcd-io/raft does, in protobuf:
/// <code>
/// 1 varint Id | 2 varint Type | 3 varint NodeId | 4 bytes Context      zeros and empties are left out
/// </code>
/// </remarks>
public sealed record ConfChange(ConfChangeType Type, NodeId NodeId, ReadOnlyMemory<byte> Context = default, ulong Id = 0)
{
    public ConfChangeV2 AsV2() => new() { Changes = [new ConfChangeSingle(Type, NodeId)], Context = Context };

    public byte[] Encode()
    {
        var writer = new ProtoWriter();
        writer.Varint(1, Id);
        writer.Varint(2, (ulong)Type);
        writer.Varint(3, NodeId.Value);
        writer.Bytes(4, Context.Span);
        return writer.ToArray();
    }

    /// <returns>Null when the bytes are no such change.</returns>
    public static ConfChange? Decode(ReadOnlyMemory<byte> data)
    {
        var (id, type, node) = (0UL, 0UL, 0UL);
        ReadOnlyMemory<byte> context = default;
        var reader = new ProtoReader(data);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: id = reader.Number; break;
                case 2: type = reader.Number; break;
                case 3: node = reader.Number; break;
                case 4: context = reader.Payload; break;
            }
        }
        return reader.IsMalformed || type > (ulong)ConfChangeType.AddLearnerNode
            ? null
            : new ConfChange((ConfChangeType)type, new NodeId(node), context, id);
    }
}
