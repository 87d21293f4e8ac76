using System.Buffers.Binary;
using System.Text;
using KvStore.Protocol;
using KvStore.Server.Bench.Load;
using KvStore.Server.Bench.Workloads;

namespace KvStore.Server.Tests.Bench;

public class RequestTemplateTests
{
    private static readonly KeySpace _keys = new() { Prefix = "b/", KeyBytes = 8, Count = 1000 };

    [Fact]
    public void A_put_carries_the_key_of_its_number_and_a_value_that_changes()
    {
        var message = new PutRequest { Key = RequestTemplate.Key(_keys), Value = RequestTemplate.Value(300) };
        var template = new RequestTemplate("/p", message, _keys, valueBytes: 300);

        var first = PutRequest.Parser.ParseFrom(template.Fill(7, now: 0)[5..]);
        var second = PutRequest.Parser.ParseFrom(template.Fill(123456, now: 0)[5..]);

        Assert.Equal(("b/000007", "b/123456"), (first.Key.ToStringUtf8(), second.Key.ToStringUtf8()));
        Assert.Equal((300, 300), (first.Value.Length, second.Value.Length));
        Assert.NotEqual(first.Value, second.Value);
    }

    [Fact]
    public void A_range_ends_as_many_keys_further_on_as_it_was_told()
    {
        var message = new RangeRequest { Key = RequestTemplate.Key(_keys), RangeEnd = RequestTemplate.FarKey(_keys) };
        var template = new RequestTemplate("/r", message, _keys, farKeyDistance: 500);

        var request = RangeRequest.Parser.ParseFrom(template.Fill(42, now: 0)[5..]);

        Assert.Equal(("b/000042", "b/000542"), (request.Key.ToStringUtf8(), request.RangeEnd.ToStringUtf8()));
    }

    [Fact]
    public void Every_key_of_a_transaction_is_filled_in()
    {
        var settings = new LoadSettings { Endpoints = [], Keys = _keys with { IsSequential = true }, ValueBytes = 10 };

        Requests.TxnPuts(settings).Next(now: 0, out var message);
        var txn = TxnRequest.Parser.ParseFrom(message[5..]);

        Assert.Equal("b/000000", txn.Compare[0].Key.ToStringUtf8());
        Assert.Equal("b/000000", txn.Success[0].RequestPut.Key.ToStringUtf8());
        Assert.Equal("b/000000", txn.Failure[0].RequestRange.Key.ToStringUtf8());
    }

    [Fact]
    public void A_timed_value_begins_with_the_time_of_its_request()
    {
        var message = new PutRequest { Key = RequestTemplate.Key(_keys), Value = RequestTemplate.Value(20) };
        var template = new RequestTemplate("/p", message, _keys, valueBytes: 20) { IsTimed = true };

        var request = PutRequest.Parser.ParseFrom(template.Fill(1, now: 987_654_321)[5..]);

        Assert.Equal(987_654_321, BinaryPrimitives.ReadInt64BigEndian(request.Value.Span));
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(1_000_000, false)]
    [InlineData(1_000_001, true)]
    public void A_key_space_must_fit_into_its_keys(long count, bool isRefused)
    {
        var keys = _keys with { Count = count };

        Assert.Equal(isRefused, Record.Exception(keys.Validate) is LoadException);
    }

    [Fact]
    public void Sequential_keys_come_each_once_and_then_again()
    {
        var sequence = new KeySequence(_keys with { Count = 3, IsSequential = true });

        Assert.Equal([0, 1, 2, 0], Enumerable.Range(0, 4).Select(_ => sequence.Next()));
    }

    [Fact]
    public void The_fields_of_a_message_are_walked_over_in_order()
    {
        var response = new WatchResponse { WatchId = 300, CancelReason = "why" };
        byte[] bytes = RequestTemplate.WithGrpcPrefix(response)[5..];
        var reader = new ProtoReader(bytes);

        Assert.True(reader.Read());
        Assert.Equal((2, 300ul), (reader.Field, reader.Number));
        Assert.True(reader.Read());
        Assert.Equal((6, "why"), (reader.Field, Encoding.UTF8.GetString(reader.Bytes)));
        Assert.False(reader.Read());
    }
}
