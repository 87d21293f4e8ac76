using System.Buffers.Binary;
using KvStore.Mvcc.State;
using KvStore.Server.Members.Checkpoints;
using KvStore.Storage;
using KvStore.Storage.Values;

namespace KvStore.Server.Tests.Members;

public class CheckpointManifestTests
{
    private static readonly CheckpointId Values = new(new Guid("00112233-4455-6677-8899-aabbccddeeff"));

    [Fact]
    public void What_was_encoded_is_decoded()
    {
        var state = State();

        var decoded = CheckpointManifest.Decode(new CheckpointManifest(40, 30, Values, state).Encode(), "file");

        Assert.Equal((40UL, 30L, Values), (decoded.AppliedIndex, decoded.Revision, decoded.Values));
        Assert.Equal(state, decoded.State.ToArray());
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(5, true)]
    public void The_values_generation_and_where_it_came_from_are_kept(int generation, bool isReceived)
    {
        var manifest = new CheckpointManifest(40, 30, Values, State()) { Generation = generation, IsReceived = isReceived };

        var decoded = CheckpointManifest.Decode(manifest.Encode(), "file");

        Assert.Equal((generation, isReceived, 40UL), (decoded.Generation, decoded.IsReceived, decoded.AppliedIndex));
    }

    [Fact]
    public void A_manifest_of_the_first_format_is_of_the_first_generation()
    {
        byte[] second = new CheckpointManifest(40, 30, Values, State()) { Generation = 5, IsReceived = true }.Encode();
        // It had neither generation nor flags.
        byte[] first = [.. second[..32], .. second[40..]];
        first[8] = 1;
        BinaryPrimitives.WriteInt32LittleEndian(first.AsSpan(12), first.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(first.AsSpan(first.Length - 4), Crc32C.Of(first.AsSpan(0, first.Length - 4)));

        var decoded = CheckpointManifest.Decode(first, "file");

        Assert.Equal((0, false, 40UL, 30L, Values), (decoded.Generation, decoded.IsReceived, decoded.AppliedIndex, decoded.Revision, decoded.Values));
        Assert.Equal(State(), decoded.State.ToArray());
    }

    [Fact]
    public void Every_flipped_bit_is_refused()
    {
        byte[] bytes = new CheckpointManifest(40, 30, Values, State()).Encode();

        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            byte[] damaged = [.. bytes];
            damaged[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.Throws<InvalidDataException>(() => CheckpointManifest.Decode(damaged, "file"));
        }
    }

    [Fact]
    public void Every_shorter_file_is_refused()
    {
        byte[] bytes = new CheckpointManifest(40, 30, Values, State()).Encode();

        for (int length = 0; length < bytes.Length; length++)
            Assert.Throws<InvalidDataException>(() => CheckpointManifest.Decode(bytes[..length], "file"));
    }

    [Fact]
    public void Another_format_is_refused_by_its_number()
    {
        byte[] bytes = new CheckpointManifest(40, 30, Values, State()).Encode();
        bytes[8] = 3;

        var refusal = Assert.Throws<InvalidDataException>(() => CheckpointManifest.Decode(bytes, "file"));

        Assert.Equal("file has format 3, this version reads 1 to 2", refusal.Message);
    }

    private static byte[] State() => new StateImage
    {
        AppliedIndex = 40,
        AppliedTerm = 3,
        CurrentRevision = 30,
        CompactRevision = -1,
        Leases = [],
        Alarms = [],
        Members = [],
        RemovedMembers = [],
        MemberDirectories = new Dictionary<ulong, ulong>(),
        Configuration = new byte[] { 1, 2 },
    }.Encode();
}
