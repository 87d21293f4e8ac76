using KvStore.Raft;

namespace KvStore.Server.Peers.Wire;

/// <summary>Raft messages as bytes, version 1 of the peer protocol.</summary>
/// <remarks>
/// <code>
/// message  = type u8 | fields u16 | what is present of, in this order:
///            from u64 | term | log term | index | commit | vote u64 | reject hint |
///            context: length, bytes | snapshot | entries
/// fields   = one bit each in that order, then one for "reject", which needs no more than its bit
/// snapshot = index | term | auto-leave u8 | 4 x (count, ids u64): voters, learners, outgoing, next learners |
///            length, bytes
/// entries  = count | heads | the payloads, joined, up to the end of the message
/// head     = flags u8 | [term] [index] [length]
///            flags: type (2 bits), same term as the one before, index follows it, empty payload
/// </code>
/// Numbers without a size are varints, all else is little-endian. Sender and receiver are those of the stream and not written;
/// "from" is there only when a message passes on the wish of another member (a transfer of leadership).
/// The payloads come last, so that large ones can be sent from where they lie, and are received in one piece.
/// </remarks>
internal static class MessageCodec
{
    /// <summary>Far more than a message of raft's limit holds; keeps a hostile one from taking 48 bytes for each of its own.</summary>
    public const int EntryLimit = 1 << 20;

    /// <summary>Most bytes that the head of a message takes without context, snapshot and entries.</summary>
    private const int MaxFixedBytes = 3 + sizeof(ulong) + (5 * Varint.MaxBytes) + sizeof(ulong) + Varint.MaxBytes;

    private const int MaxEntryHeadBytes = 1 + (3 * Varint.MaxBytes);

    private const byte TypeMask = 3;
    private const byte SameTerm = 4;
    private const byte NextIndex = 8;
    private const byte NoData = 16;

    [Flags]
    private enum Fields : ushort
    {
        None = 0,
        From = 1,
        Term = 2,
        LogTerm = 4,
        Index = 8,
        Commit = 16,
        Vote = 32,
        RejectHint = 64,
        Context = 128,
        Snapshot = 256,
        Entries = 512,
        Reject = 1024,
        All = 2047,
    }

    /// <summary>The bytes of a message at most, without the payloads of its entries.</summary>
    public static long MaxHeadBytes(Message message)
    {
        long size = MaxFixedBytes + message.Context.Length + (MaxEntryHeadBytes * (long)message.Entries.Length);
        if (message.Snapshot is not { } snapshot)
            return size;
        var members = snapshot.Metadata.ConfState;
        long ids = members.Voters.Count + (long)members.Learners.Count + members.VotersOutgoing.Count + members.LearnersNext.Count;
        return size + 1 + (7 * Varint.MaxBytes) + (ids * sizeof(ulong)) + snapshot.Data.Length;
    }

    /// <summary>Writes all but the entries' payloads, which follow in their order.</summary>
    /// <returns>The bytes written.</returns>
    public static int EncodeHead(Message message, NodeId sender, Span<byte> target)
    {
        var fields = FieldsOf(message, sender);
        var writer = new WireWriter(target);
        writer.WriteByte((byte)message.Type);
        writer.WriteUInt16((ushort)fields);
        if (fields.HasFlag(Fields.From))
            writer.WriteUInt64(message.From.Value);
        if (fields.HasFlag(Fields.Term))
            writer.WriteVarint(message.Term);
        if (fields.HasFlag(Fields.LogTerm))
            writer.WriteVarint(message.LogTerm);
        if (fields.HasFlag(Fields.Index))
            writer.WriteVarint(message.Index);
        if (fields.HasFlag(Fields.Commit))
            writer.WriteVarint(message.Commit);
        if (fields.HasFlag(Fields.Vote))
            writer.WriteUInt64(message.Vote.Value);
        if (fields.HasFlag(Fields.RejectHint))
            writer.WriteVarint(message.RejectHint);
        if (fields.HasFlag(Fields.Context))
            writer.WriteBytes(message.Context.Span);
        if (fields.HasFlag(Fields.Snapshot))
            Write(ref writer, message.Snapshot!);
        if (fields.HasFlag(Fields.Entries))
            WriteHeads(ref writer, message);
        return writer.Length;
    }

    /// <summary>The message, sharing no memory with <paramref name="body"/>: its entries' payloads lie in one array of their own.</summary>
    /// <param name="from">Whose stream it came on.</param>
    /// <exception cref="InvalidDataException">The bytes are no message that this member may get.</exception>
    public static Message Decode(ReadOnlySpan<byte> body, NodeId from, NodeId to)
    {
        var reader = new WireReader(body);
        var type = (MessageType)reader.ReadByte();
        if (type > MessageType.ForgetLeader)
            throw new InvalidDataException($"There is no message of type {(int)type}.");
        if (Message.IsLocal(type))
            throw new InvalidDataException($"A peer sent a {type}, which a member may only tell itself.");
        var fields = (Fields)reader.ReadUInt16();
        if ((fields & ~Fields.All) != 0)
            throw new InvalidDataException($"The message has unknown fields ({(int)fields:x}).");
        var message = new Message
        {
            Type = type,
            To = to,
            From = fields.HasFlag(Fields.From) ? ReadForeign(ref reader, type) : from,
            Term = fields.HasFlag(Fields.Term) ? reader.ReadVarint() : 0,
            LogTerm = fields.HasFlag(Fields.LogTerm) ? reader.ReadVarint() : 0,
            Index = fields.HasFlag(Fields.Index) ? reader.ReadVarint() : 0,
            Commit = fields.HasFlag(Fields.Commit) ? reader.ReadVarint() : 0,
            Vote = fields.HasFlag(Fields.Vote) ? new NodeId(reader.ReadUInt64()) : NodeId.None,
            RejectHint = fields.HasFlag(Fields.RejectHint) ? reader.ReadVarint() : 0,
            Context = fields.HasFlag(Fields.Context) ? reader.ReadBytes().ToArray() : default,
            Snapshot = fields.HasFlag(Fields.Snapshot) ? ReadSnapshot(ref reader) : null,
            Reject = fields.HasFlag(Fields.Reject),
        };
        if (fields.HasFlag(Fields.Entries))
            return message with { Entries = ReadEntries(ref reader, message) };
        if (reader.Remaining > 0)
            throw new InvalidDataException($"{reader.Remaining} bytes follow the message.");
        return message;
    }

    private static Fields FieldsOf(Message message, NodeId sender)
    {
        var fields = Fields.None;
        Add(message.From != sender, Fields.From);
        Add(message.Term != 0, Fields.Term);
        Add(message.LogTerm != 0, Fields.LogTerm);
        Add(message.Index != 0, Fields.Index);
        Add(message.Commit != 0, Fields.Commit);
        Add(message.Vote != NodeId.None, Fields.Vote);
        Add(message.RejectHint != 0, Fields.RejectHint);
        Add(!message.Context.IsEmpty, Fields.Context);
        Add(message.Snapshot is not null, Fields.Snapshot);
        Add(!message.Entries.IsEmpty, Fields.Entries);
        Add(message.Reject, Fields.Reject);
        return fields;

        void Add(bool isPresent, Fields field) => fields |= isPresent ? field : Fields.None;
    }

    private static NodeId ReadForeign(ref WireReader reader, MessageType type)
    {
        var from = new NodeId(reader.ReadUInt64());
        // What is for the leader is passed on in the name of who asked first, and again by one that led until just now; the wish
        // for a transfer in that of the member that is to take over.
        if (type is not (MessageType.Prop or MessageType.ReadIndex or MessageType.TransferLeader))
            throw new InvalidDataException($"A {type} came in the name of another member ({from}).");
        if (from == NodeId.None || from.IsLocalThread)
            throw new InvalidDataException($"A {type} came in the name of {from}, which is no member's id.");
        return from;
    }

    private static void Write(ref WireWriter writer, Snapshot snapshot)
    {
        var members = snapshot.Metadata.ConfState;
        writer.WriteVarint(snapshot.Metadata.Index);
        writer.WriteVarint(snapshot.Metadata.Term);
        writer.WriteByte(members.AutoLeave ? (byte)1 : (byte)0);
        Write(ref writer, members.Voters);
        Write(ref writer, members.Learners);
        Write(ref writer, members.VotersOutgoing);
        Write(ref writer, members.LearnersNext);
        writer.WriteBytes(snapshot.Data.Span);
    }

    private static void Write(ref WireWriter writer, IReadOnlyList<NodeId> ids)
    {
        writer.WriteVarint((ulong)ids.Count);
        foreach (var id in ids)
            writer.WriteUInt64(id.Value);
    }

    private static Snapshot ReadSnapshot(ref WireReader reader)
    {
        ulong index = reader.ReadVarint();
        ulong term = reader.ReadVarint();
        byte autoLeave = reader.ReadByte();
        if (autoLeave > 1)
            throw new InvalidDataException($"A snapshot's auto-leave is {autoLeave}, not 0 or 1.");
        var members = new ConfState
        {
            AutoLeave = autoLeave == 1,
            Voters = ReadIds(ref reader),
            Learners = ReadIds(ref reader),
            VotersOutgoing = ReadIds(ref reader),
            LearnersNext = ReadIds(ref reader),
        };
        return new Snapshot(new SnapshotMetadata(members, index, term), reader.ReadBytes().ToArray());
    }

    private static NodeId[] ReadIds(ref WireReader reader)
    {
        ulong count = reader.ReadVarint();
        if (count > (ulong)reader.Remaining / sizeof(ulong))
            throw new InvalidDataException($"A snapshot names {count} members in {reader.Remaining} bytes.");
        var ids = new NodeId[count];
        for (int i = 0; i < ids.Length; i++)
            ids[i] = new NodeId(reader.ReadUInt64());
        return ids;
    }

    private static void WriteHeads(ref WireWriter writer, Message message)
    {
        var entries = message.Entries.Span;
        writer.WriteVarint((ulong)entries.Length);
        var (term, index) = (message.Term, message.Index);
        foreach (ref readonly var entry in entries)
        {
            bool isSameTerm = entry.Term == term;
            bool isNextIndex = entry.Index == unchecked(index + 1);
            int length = entry.Data.Length;
            writer.WriteByte((byte)((int)entry.Type | (isSameTerm ? SameTerm : 0) | (isNextIndex ? NextIndex : 0) | (length == 0 ? NoData : 0)));
            if (!isSameTerm)
                writer.WriteVarint(entry.Term);
            if (!isNextIndex)
                writer.WriteVarint(entry.Index);
            if (length > 0)
                writer.WriteVarint((ulong)length);
            (term, index) = (entry.Term, entry.Index);
        }
    }

    private static Entry[] ReadEntries(ref WireReader reader, Message message)
    {
        ulong count = reader.ReadVarint();
        if (count > EntryLimit || count > (ulong)reader.Remaining)
            throw new InvalidDataException($"A message has {count} entries in {reader.Remaining} bytes.");
        var heads = reader;
        int payloadBytes = ReadHeads(ref reader, message, [], default, (int)count);
        if (payloadBytes != reader.Remaining)
            throw new InvalidDataException($"A message's entries have {payloadBytes} bytes, but {reader.Remaining} follow.");
        byte[] payload = reader.Rest().ToArray();
        var entries = new Entry[count];
        ReadHeads(ref heads, message, entries, payload, (int)count);
        return entries;
    }

    /// <summary>Adds the lengths up; with somewhere to put them, also makes the entries.</summary>
    private static int ReadHeads(ref WireReader reader, Message message, Span<Entry> entries, ReadOnlyMemory<byte> payload, int count)
    {
        var (term, index) = (message.Term, message.Index);
        int offset = 0;
        int end = reader.Remaining;
        for (int i = 0; i < count; i++)
        {
            byte flags = reader.ReadByte();
            term = (flags & SameTerm) != 0 ? term : reader.ReadVarint();
            index = (flags & NextIndex) != 0 ? unchecked(index + 1) : reader.ReadVarint();
            ulong length = (flags & NoData) != 0 ? 0 : reader.ReadVarint();
            var type = (EntryType)(flags & TypeMask);
            if (type > EntryType.ConfChangeV2 || flags > (TypeMask | SameTerm | NextIndex | NoData) || length > (ulong)(end - offset))
                throw new InvalidDataException($"An entry's head is damaged (flags {flags:x}, {length} bytes).");
            if (!entries.IsEmpty)
                entries[i] = new Entry(term, index, type, payload.Slice(offset, (int)length));
            offset += (int)length;
        }
        return offset;
    }
}
