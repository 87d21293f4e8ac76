using KvStore.Server.Members.Snapshots;
using KvStore.Storage.Disks.Simulated;
using KvStore.Testing;

namespace KvStore.Server.Tests.Members.Snapshots;

public sealed class SnapshotDamageTests : IDisposable
{
    private readonly StoredMember _from = SnapshotTransferTests.Filled("/from", isFaster: false);
    private readonly SimulatedDisk _disk = new();
    private readonly StoredMember _to;

    public SnapshotDamageTests() => _to = SnapshotTransferTests.Open("/to", isFaster: false, _disk);

    public void Dispose()
    {
        _from.Dispose();
        _to.Dispose();
    }

    [Fact]
    public void Every_damaged_byte_is_refused_and_the_transfer_goes_on_with_the_chunk_that_was_damaged()
    {
        var body = SnapshotTransferTests.Body(_from);
        int step = Lanes.Pick(fast: 9973, readme: 1009, @long: 31);
        int refused = 0;
        _to.Receiver.Begin();
        for (int number = 0; number < body.Count; number++)
        {
            byte[] chunk = body[number];
            // All of the header and what is near it, and a part of the rest.
            for (int at = 0; at < chunk.Length; at += at < 100 ? 1 : step)
            {
                byte[] damaged = [.. chunk];
                damaged[at] ^= (byte)(1 << at % 8);
                Assert.Throws<InvalidDataException>(() => _to.Receiver.Write(damaged));
                Assert.Equal(number == 0, _to.Receiver.Begin().Length == 0);
                refused++;
            }
            _to.Receiver.Write(chunk);
        }

        Assert.Equal(_from.Describe(), _to.Install(_to.Stage()).Describe());
        Figures.Report($"snapshots: {refused} damaged bytes refused");
    }

    [Fact]
    public void Chunks_that_are_missing_repeated_or_swapped_are_refused()
    {
        var body = SnapshotTransferTests.Body(_from);
        for (int number = 1; number + 1 < body.Count; number++)
        {
            foreach (int wrong in new[] { number - 1, number + 1 }.Where(wrong => wrong > 0))
            {
                _to.Receiver.Dispose();
                _to.Receiver.Begin();
                for (int i = 0; i < number; i++)
                    _to.Receiver.Write(body[i]);
                Assert.Throws<InvalidDataException>(() => _to.Receiver.Write(body[wrong]));
            }
        }
    }

    [Fact]
    public void Chunks_of_two_snapshots_do_not_mix()
    {
        var body = SnapshotTransferTests.Body(_from);
        var other = SnapshotTransferTests.Body(_from.Put("new", "value").TakeCheckpoint());
        _to.Receiver.Begin();
        _to.Receiver.Write(body[0]);

        Assert.Throws<InvalidDataException>(() => _to.Receiver.Write(other[1]));
    }

    [Fact]
    public void A_body_that_is_cut_off_is_not_whole()
    {
        var body = SnapshotTransferTests.Body(_from);
        _to.Receiver.Begin();
        foreach (byte[] chunk in body)
        {
            Assert.False(_to.Receiver.IsWhole);
            _to.Receiver.Write(chunk);
        }
        Assert.True(_to.Receiver.IsWhole);
    }

    [Fact]
    public void Another_version_is_refused_with_what_to_do()
    {
        byte[] head = SnapshotTransferTests.Body(_from)[0];
        head[SnapshotFormat.ChunkHeaderBytes + 8] = 9;
        SnapshotFormat.WriteHeader(head, SnapshotSection.Head, 0, 0);
        _to.Receiver.Begin();

        var refusal = Assert.Throws<InvalidDataException>(() => _to.Receiver.Write(head));

        Assert.Equal("the snapshot has format 9, this version reads 1: let all members run the same version", refusal.Message);
    }

    [Fact]
    public void A_sender_whose_key_index_is_damaged_is_found_out_before_anything_is_installed()
    {
        var disk = (SimulatedDisk)_from.Disk;
        string index = disk.List("/from/checkpoints").Last(name => name.EndsWith(".index"));
        disk.FlipBit("/from/checkpoints/" + index, 100, 3);
        long used = _disk.UsedBytes;

        using (var sender = _from.Send())
            Assert.Throws<InvalidDataException>(() => _to.Receive(sender));
        _to.Receiver.Dispose();

        Assert.Equal(used, _disk.UsedBytes);
    }

    [Fact]
    public void A_key_index_that_is_damaged_after_it_came_is_found_out_before_anything_is_installed()
    {
        using var from = SnapshotTransferTests.Open("/from", isFaster: false);
        from.Put("a", "1").Put("b", "2").TakeCheckpoint();
        long used = _disk.UsedBytes;

        using (var sender = from.Send())
        using (var staged = _to.Receive(sender))
        {
            _disk.FlipBit("/to/snapshot/" + _disk.List("/to/snapshot").Single(name => name.StartsWith("index.")), 50, 3);
            Assert.Throws<InvalidDataException>(() => staged.Load(SnapshotTransferTests.Parts(isFaster: false), _ => false));
        }

        Assert.Equal(used, _disk.UsedBytes);
    }

    [Fact]
    public void A_sender_whose_values_are_damaged_sends_nothing_wrong()
    {
        using var from = SnapshotTransferTests.Filled("/from", isFaster: true);
        var disk = (SimulatedDisk)from.Disk;
        // A whole one, of which the checkpoint needs all.
        string log = disk.List("/from/values").Where(name => name.StartsWith("log-")).Last(name => disk.BytesOf("/from/values/" + name).Length == 1 << 16);
        // Behind FASTER's own word and the key of some record.
        for (int offset = 0; offset < 2_000; offset += 64)
            disk.FlipBit("/from/values/" + log, 20_000 + offset, 3);

        using var sender = from.Send();
        var failure = Assert.Throws<InvalidDataException>(() =>
        {
            while (sender.TryReadChunk(out _))
            {
            }
        });
        Assert.Contains("damaged", failure.Message);
    }

    [Fact]
    public void A_position_that_means_nothing_is_as_good_as_none()
    {
        _to.Receiver.Begin();
        foreach (byte[] chunk in SnapshotTransferTests.Body(_from).Take(5))
            _to.Receiver.Write(chunk);
        byte[] position = _to.Receiver.Begin();

        for (int bit = 0; bit < position.Length * 8; bit++)
        {
            byte[] damaged = [.. position];
            damaged[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.Null(SnapshotPosition.Decode(damaged));
        }
        for (int length = 0; length < position.Length; length++)
            Assert.Null(SnapshotPosition.Decode(position.AsSpan(0, length)));
        using var sender = _from.Send(position[1..]);
        Assert.False(sender.IsResumed);
    }
}
