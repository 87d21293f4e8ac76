using KvStore.Grpc.Tests.Support;

namespace KvStore.Grpc.Tests;

/// <summary>What a client may send as its <c>:authority</c>: old Go clients send a URL.</summary>
public class AuthorityTests
{
    private const string Url = "http://127.0.0.1:2379";

    [Theory]
    [InlineData("localhost")]
    [InlineData("127.0.0.1:2379")]
    [InlineData("")]
    [InlineData(Url)]
    [InlineData("https://[::1]:2379")]
    [InlineData("https://member-1.example:2379/")]
    [InlineData("unix://localhost:2379")]
    [InlineData("unix:///run/member.socket")]
    public async Task A_call_is_answered_whether_its_authority_is_a_host_or_a_URL(string authority)
    {
        await using var host = await EchoHost.StartAsync();
        using var raw = await RawHttp2.ConnectAsync(host.EndPoint);

        await raw.SendAsync(RawFrame.Headers, RawFrame.EndHeaders, 1, Block(RawHttp2.Literal(0x01, authority)));

        await AssertAnsweredAsync(raw, 1);
    }

    [Theory]
    [InlineData("a b")]
    [InlineData("http://a b")]
    [InlineData("http://http://a")]
    [InlineData("h\u00f6st")]
    [InlineData("a/b")]
    public async Task An_authority_that_names_no_host_resets_its_stream_and_no_other(string authority)
    {
        await using var host = await EchoHost.StartAsync();
        using var raw = await RawHttp2.ConnectAsync(host.EndPoint);

        await raw.SendAsync(RawFrame.Headers, RawFrame.EndHeaders, 1, Block(RawHttp2.Literal(0x01, authority)));

        Assert.Equal(1u, (await raw.ReadAsync(RawFrame.ResetStream, RawFrame.Headers, RawFrame.GoAway))!.StreamId);
        await raw.OpenCallAsync(3, "/echo.Echo/Say");
        await AssertAnsweredAsync(raw, 3);
    }

    [Theory]
    [InlineData("a\0")]
    [InlineData("http://a\n")]
    public async Task A_control_character_in_an_authority_ends_its_connection(string authority)
    {
        await using var host = await EchoHost.StartAsync();
        using var raw = await RawHttp2.ConnectAsync(host.EndPoint);

        await raw.SendAsync(RawFrame.Headers, RawFrame.EndHeaders, 1, Block(RawHttp2.Literal(0x01, authority)));

        Assert.NotNull(await raw.ReadAsync(RawFrame.GoAway));
        Assert.Null(await raw.ReadAsync(RawFrame.Headers));
    }

    [Fact]
    public async Task A_URL_in_the_dynamic_table_serves_all_requests_of_its_connection()
    {
        await using var host = await EchoHost.StartAsync();
        using var raw = await RawHttp2.ConnectAsync(host.EndPoint);

        await raw.SendAsync(RawFrame.Headers, RawFrame.EndHeaders, 1, Block(RawHttp2.Literal(0x41, Url)));
        await AssertAnsweredAsync(raw, 1);
        for (uint stream = 3; stream < 9; stream += 2)
        {
            await raw.SendAsync(RawFrame.Headers, RawFrame.EndHeaders, stream, Block([0x80 | 62]));
            await AssertAnsweredAsync(raw, stream);
        }

        await raw.OpenCallAsync(9, "/echo.Echo/Say");
        await AssertAnsweredAsync(raw, 9);
    }

    [Fact]
    public async Task A_URL_may_come_padded_with_a_priority_and_cut_by_continuation_frames()
    {
        await using var host = await EchoHost.StartAsync();
        using var raw = await RawHttp2.ConnectAsync(host.EndPoint);
        var block = Block(RawHttp2.Literal(0x41, Url));
        var middle = block.AsSpan().IndexOf("127."u8);

        await raw.SendAsync(RawFrame.Headers, RawFrame.Padded | RawFrame.Priority, 1,
            [3, 0, 0, 0, 0, 16, .. block[..(middle - 4)], 0, 0, 0]);
        await raw.SendAsync(RawFrame.Continuation, 0, 1, block[(middle - 4)..middle]);
        await raw.SendAsync(RawFrame.Continuation, RawFrame.EndHeaders, 1, block[middle..]);
        await AssertAnsweredAsync(raw, 1);
        await raw.SendAsync(RawFrame.Headers, RawFrame.EndHeaders, 3, Block([0x80 | 62]));

        await AssertAnsweredAsync(raw, 3);
    }

    private static byte[] Block(byte[] authority) => RawHttp2.Request("/echo.Echo/Say", authority);

    private static async Task AssertAnsweredAsync(RawHttp2 raw, uint streamId)
    {
        await raw.SendMessageAsync(streamId, [], isLast: true);
        var answer = await raw.ReadAsync(RawFrame.Headers, RawFrame.ResetStream, RawFrame.GoAway);
        Assert.Equal((RawFrame.Headers, streamId), (answer!.Type, answer.StreamId));
        while (!answer!.IsEnd)
            answer = await raw.ReadAsync(RawFrame.Headers, RawFrame.Data, RawFrame.ResetStream, RawFrame.GoAway);
        Assert.Equal((RawFrame.Headers, streamId), (answer.Type, answer.StreamId));
    }
}
