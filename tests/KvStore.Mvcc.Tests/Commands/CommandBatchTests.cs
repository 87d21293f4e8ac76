using KvStore.Mvcc.Commands;

namespace KvStore.Mvcc.Tests.Commands;

public class CommandBatchTests
{
    private static readonly Command[] Three =
    [
        new(CommandKind.Put, 1, new byte[] { 1, 2, 3 }),
        new(CommandKind.Compaction, ulong.MaxValue, ReadOnlyMemory<byte>.Empty),
        new(CommandKind.Txn, 3, new byte[70_000]),
    ];

    [Fact]
    public void What_is_encoded_is_read_again()
    {
        var read = ReadAll(CommandBatch.Encode(Three));

        Assert.Equal(Three.Length, read.Count);
        foreach (var (expected, actual) in Three.Zip(read))
        {
            Assert.Equal((expected.Kind, expected.RequestId), (actual.Kind, actual.RequestId));
            Assert.True(expected.Payload.Span.SequenceEqual(actual.Payload.Span));
        }
    }

    [Fact]
    public void The_bytes_are_as_the_drawing_says()
    {
        byte[] data = CommandBatch.Encode(new Command(CommandKind.DeleteRange, 0x0102030405060708, new byte[] { 9, 10 }));

        Assert.Equal([1, 1, 2, 8, 7, 6, 5, 4, 3, 2, 1, 2, 9, 10], data);
    }

    [Fact]
    public void Payloads_are_slices_of_the_entry()
    {
        byte[] data = CommandBatch.Encode(Three);

        var first = ReadAll(data)[0];

        data[^1] = 0;
        Assert.True(first.Payload.Span.Overlaps(data));
    }

    [Fact]
    public void An_entry_that_ends_early_is_refused_wherever_it_ends()
    {
        byte[] data = CommandBatch.Encode(Three.AsSpan(0, 2));

        for (int length = 0; length < data.Length; length++)
            Assert.Throws<InvalidDataException>(() => ReadAll(data.AsMemory(0, length)));
    }

    [Fact]
    public void An_entry_with_bytes_too_many_is_refused()
    {
        Assert.Throws<InvalidDataException>(() => ReadAll((byte[])[.. CommandBatch.Encode(Three), 0]));
    }

    [Fact]
    public void An_entry_of_another_format_is_refused_with_its_number()
    {
        byte[] data = CommandBatch.Encode(Three);
        data[0] = 9;

        Assert.Contains("format is 9", Assert.Throws<InvalidDataException>(() => ReadAll(data)).Message);
    }

    private static List<Command> ReadAll(ReadOnlyMemory<byte> data)
    {
        var commands = new List<Command>();
        var reader = CommandBatch.Read(data);
        while (reader.TryRead(out var command))
            commands.Add(command);
        return commands;
    }
}
