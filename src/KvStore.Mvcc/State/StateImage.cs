using System.Buffers.Binary;
using Google.Protobuf;
using KvStore.Mvcc.Leases;
using KvStore.Protocol;
using KvStore.Storage;

namespace KvStore.Mvcc.State;

/// <summary>The small state as it is saved beside a checkpoint of the values.</summary>
/// <remarks>
/// All numbers little-endian; a list is its count and its items, bytes are their length and themselves:
/// <code>
/// +----------+---------+----------------+---------+---------+
/// | KVSTATE1 | version | payload length | payload | CRC-32C |
/// | 8 bytes  | u32 = 3 | u32            |         | u32     |   over all that stands before it
/// +----------+---------+----------------+---------+---------+
/// payload: applied index, applied term, current revision, compact revision (each 64 bits);
///          leases { id, grant index, ttl, remaining ttl };  alarms { AlarmMember };  members { Member };  removed member ids;
///          directories { member id, directory id };  configuration bytes
/// </code>
/// Formats 1 and 2 had no directories, format 1 no grant index; they are still read.
/// </remarks>
public sealed class StateImage
{
    private const uint Version = 3;
    private const uint VersionWithoutDirectories = 2;
    private const uint VersionWithoutGrants = 1;
    private const int HeaderBytes = 8 + 4 + 4;
    private const int CrcBytes = 4;

    public required ulong AppliedIndex { get; init; }
    public required ulong AppliedTerm { get; init; }
    public required long CurrentRevision { get; init; }
    public required long CompactRevision { get; init; }
    public required IReadOnlyCollection<Lease> Leases { get; init; }
    public required IReadOnlyCollection<AlarmMember> Alarms { get; init; }
    public required IReadOnlyCollection<Member> Members { get; init; }
    public required IReadOnlyCollection<ulong> RemovedMembers { get; init; }
    public required IReadOnlyDictionary<ulong, ulong> MemberDirectories { get; init; }
    public required ReadOnlyMemory<byte> Configuration { get; init; }

    private static ReadOnlySpan<byte> Magic => "KVSTATE1"u8;

    public byte[] Encode()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Magic);
        writer.Write(Version);
        writer.Write(0u); // The payload's length, known below.
        WritePayload(writer);
        writer.Flush();
        int length = checked((int)stream.Length);
        stream.SetLength(length + CrcBytes);
        byte[] bytes = stream.ToArray();
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(12), (uint)(length - HeaderBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(length), Crc32C.Of(bytes.AsSpan(0, length)));
        return bytes;
    }

    /// <exception cref="InvalidDataException">No saved state, a damaged one, or another version's.</exception>
    public static StateImage Decode(ReadOnlySpan<byte> bytes)
    {
        uint version = CheckFrame(bytes);
        var reader = new PayloadReader(bytes[HeaderBytes..^CrcBytes]);
        var image = new StateImage
        {
            AppliedIndex = (ulong)reader.Number(),
            AppliedTerm = (ulong)reader.Number(),
            CurrentRevision = reader.Number(),
            CompactRevision = reader.Number(),
            Leases = version == VersionWithoutGrants
                ? reader.List(24, static (ref PayloadReader item) => new Lease(new LeaseId(item.Number()), 0, item.Number(), item.Number()))
                : reader.List(32, static (ref PayloadReader item) =>
                    new Lease(new LeaseId(item.Number()), (ulong)item.Number(), item.Number(), item.Number())),
            Alarms = reader.List(4, static (ref PayloadReader item) => AlarmMember.Parser.ParseFrom(item.Bytes())),
            Members = reader.List(4, static (ref PayloadReader item) => Member.Parser.ParseFrom(item.Bytes())),
            RemovedMembers = reader.List(8, static (ref PayloadReader item) => (ulong)item.Number()),
            MemberDirectories = (version <= VersionWithoutDirectories
                ? []
                : reader.List(16, static (ref PayloadReader item) => KeyValuePair.Create((ulong)item.Number(), (ulong)item.Number())))
                .ToDictionary(),
            Configuration = reader.Bytes().ToArray(),
        };
        if (!reader.IsAtEnd)
            throw new InvalidDataException("the saved state is longer than what it holds");
        return image;
    }

    private static uint CheckFrame(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderBytes + CrcBytes || !bytes.StartsWith(Magic))
            throw new InvalidDataException("this is no saved state of a KvStore member");
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (version is < VersionWithoutGrants or > Version)
        {
            throw new InvalidDataException(
                $"the saved state has format {version}, this version reads {VersionWithoutGrants} to {Version}: use the version that wrote it");
        }
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
        if (length != bytes.Length - HeaderBytes - CrcBytes
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes[^CrcBytes..]) != Crc32C.Of(bytes[..^CrcBytes]))
        {
            throw new InvalidDataException("the saved state fails its checksum: it is damaged");
        }
        return version;
    }

    private void WritePayload(BinaryWriter writer)
    {
        writer.Write(AppliedIndex);
        writer.Write(AppliedTerm);
        writer.Write(CurrentRevision);
        writer.Write(CompactRevision);
        writer.Write(Leases.Count);
        foreach (var lease in Leases)
        {
            writer.Write(lease.Id.Value);
            writer.Write(lease.GrantIndex);
            writer.Write(lease.TtlSeconds);
            writer.Write(lease.RemainingTtlSeconds);
        }
        WriteMessages(writer, Alarms);
        WriteMessages(writer, Members);
        writer.Write(RemovedMembers.Count);
        foreach (ulong id in RemovedMembers)
            writer.Write(id);
        writer.Write(MemberDirectories.Count);
        foreach (var (member, directory) in MemberDirectories)
        {
            writer.Write(member);
            writer.Write(directory);
        }
        writer.Write(Configuration.Length);
        writer.Write(Configuration.Span);
    }

    private static void WriteMessages(BinaryWriter writer, IReadOnlyCollection<IMessage> messages)
    {
        writer.Write(messages.Count);
        foreach (var message in messages)
        {
            writer.Write(message.CalculateSize());
            writer.Write(message.ToByteArray());
        }
    }

    private delegate T ItemReader<T>(ref PayloadReader reader);

    /// <summary>Reads what the checksum has vouched for; a length that does not fit is another version's mistake.</summary>
    private ref struct PayloadReader(ReadOnlySpan<byte> left)
    {
        private ReadOnlySpan<byte> _left = left;

        public readonly bool IsAtEnd => _left.IsEmpty;

        public long Number() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

        public ReadOnlySpan<byte> Bytes() => Take(Length());

        public T[] List<T>(int itemBytes, ItemReader<T> read)
        {
            int count = Length();
            if (count > _left.Length / itemBytes)
                throw Short();
            var items = new T[count];
            for (int i = 0; i < count; i++)
                items[i] = read(ref this);
            return items;
        }

        private int Length() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

        private ReadOnlySpan<byte> Take(int length)
        {
            if ((uint)length > (uint)_left.Length)
                throw Short();
            var taken = _left[..length];
            _left = _left[length..];
            return taken;
        }

        private static InvalidDataException Short() => new("the saved state is shorter than what it holds");
    }
}
