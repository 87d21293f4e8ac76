using Google.Protobuf;
using KvStore.Chaos.History;
using KvStore.Protocol;

namespace KvStore.Chaos.Tests.History;

public sealed class HistoryFileTests
{
    [Fact]
    public void What_was_written_is_read_in_order()
    {
        var file = new MemoryStream();
        var records = Some(50_000).ToList();

        Write(file, records);

        using var reader = new HistoryReader(new MemoryStream(file.ToArray()), "history.bin");
        Assert.Equal(records, reader.Records());
        Assert.False(reader.IsTorn);
    }

    [Fact]
    public void A_torn_tail_is_told_and_what_is_before_it_is_read()
    {
        var file = new MemoryStream();
        var records = Some(50_000).ToList();
        Write(file, records);

        using var reader = new HistoryReader(new MemoryStream(file.ToArray()[..^7]), "history.bin");
        var read = reader.Records().ToList();

        Assert.True(reader.IsTorn);
        Assert.InRange(read.Count, 1, records.Count - 1);
        Assert.Equal(records.Take(read.Count), read);
    }

    [Fact]
    public void Every_cut_of_a_file_is_told_or_falls_between_blocks()
    {
        var file = new MemoryStream();
        Write(file, [.. Some(3)]);
        byte[] bytes = file.ToArray();

        for (int length = HistoryFormat.Magic.Length + 1; length < bytes.Length; length++)
        {
            using var reader = new HistoryReader(new MemoryStream(bytes[..length]), "history.bin");
            Assert.Empty(reader.Records());
            Assert.True(reader.IsTorn);
        }
    }

    [Fact]
    public void A_damaged_block_is_refused()
    {
        var file = new MemoryStream();
        Write(file, [.. Some(100)]);
        byte[] bytes = file.ToArray();
        bytes[^1] ^= 1;

        using var reader = new HistoryReader(new MemoryStream(bytes), "history.bin");

        var problem = Assert.Throws<InvalidDataException>(() => reader.Records().Count());
        Assert.Contains("history.bin is damaged at byte 8", problem.Message);
    }

    [Fact]
    public void A_file_of_something_else_is_refused() =>
        Assert.Throws<InvalidDataException>(() => new HistoryReader(new MemoryStream("{}"u8.ToArray()), "run.json"));

    [Fact]
    public async Task Many_clients_write_at_once()
    {
        var file = new MemoryStream();
        using (var writer = new HistoryWriter(file))
        {
            await Task.WhenAll(Enumerable.Range(1, 8).Select(client => Task.Run(() =>
            {
                for (int id = 0; id < 5_000; id++)
                    writer.Write(Put(id, client));
            })));
        }

        using var reader = new HistoryReader(new MemoryStream(file.ToArray()), "history.bin");
        var read = reader.Records().Select(record => record.Operation).ToList();
        Assert.Equal(40_000, read.Count);
        Assert.All(read.GroupBy(operation => operation.Client), client =>
            Assert.Equal(Enumerable.Range(0, 5_000).Select(id => (long)id), client.Select(operation => operation.Id)));
    }

    private static void Write(Stream file, IReadOnlyList<HistoryRecord> records)
    {
        using var writer = new HistoryWriter(file);
        foreach (var record in records)
            writer.Write(record);
    }

    private static IEnumerable<HistoryRecord> Some(int count)
    {
        for (int i = 0; i < count; i++)
            yield return new HistoryRecord { Operation = Put(i, i % 7 + 1) };
    }

    private static Operation Put(long id, int client) => new()
    {
        Id = id,
        Client = client,
        Member = "m1",
        CalledAt = id * 1000,
        ReturnedAt = id * 1000 + 500,
        Outcome = Outcome.Ok,
        Request = new Request { Put = new PutRequest { Key = ByteString.CopyFromUtf8("r/1"),
            Value = ByteString.CopyFromUtf8($"{client}.{id}") } },
        Response = new Response { Put = new PutResponse { Header = new ResponseHeader { Revision = id + 2, MemberId = 7 } } },
    };
}
