using KvStore.Mvcc.State;
using KvStore.Server.Members.Checkpoints;
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
        bytes[8] = 2;

        var refusal = Assert.Throws<InvalidDataException>(() => CheckpointManifest.Decode(bytes, "file"));

        Assert.Equal("file has format 2, this version reads 1", refusal.Message);
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
        Configuration = new byte[] { 1, 2 },
    }.Encode();
}
