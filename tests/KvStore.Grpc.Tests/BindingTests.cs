using KvStore.Grpc.Tests.Protos;
using KvStore.Grpc.Tests.Support;

namespace KvStore.Grpc.Tests;

/// <summary>Mistakes in binding show when the server is built, not when a client calls.</summary>
public class BindingTests
{
    [Fact]
    public void A_handler_must_fit_its_method()
    {
        Assert.Throws<ArgumentException>(() => Echo.Binder.Unary<EchoRequest, EchoResponse>("Nope", Answer));
        Assert.Throws<ArgumentException>(() => Echo.Binder.Unary<EchoRequest, EchoResponse>("Chat", Answer));
        Assert.Throws<ArgumentException>(() => Echo.Binder.Unary<EchoResponse, EchoResponse>(
            "Say", (request, _) => ValueTask.FromResult(request)));
        Assert.Throws<ArgumentException>(() => Echo.Obvious.Unary<EchoRequest, EchoResponse>("Say", Answer));
        Assert.Throws<ArgumentException>(() => new GrpcServer([Echo.Obvious, Echo.Obvious]));
    }

    [Fact]
    public async Task A_handler_may_return_a_Task_as_Grpc_Core_has_it()
    {
        var server = new GrpcServer([Echo.Binder.Unary<EchoRequest, EchoResponse>("Say", AnswerByTask)]);

        Assert.Equal("hi", (await new InMemoryChannel(server).Say("hi").ResponseAsync.Soon()).Text);
    }

    [Fact]
    public void Metadata_holds_what_HTTP_2_can_carry()
    {
        var metadata = new Metadata { { "Mixed-Case", "value" }, { "raw-bin", [1, 2] } };

        Assert.Equal("value", metadata.GetValue("mixed-CASE"));
        Assert.Equal("mixed-case", metadata[0].Key);
        Assert.Throws<ArgumentException>(() => metadata.Add("text", "ü"));
        Assert.Throws<ArgumentException>(() => metadata.Add("text-bin", "text"));
        Assert.Throws<ArgumentException>(() => metadata.Add("bytes", [1]));
        Assert.Throws<ArgumentException>(() => metadata.Add("no spaces", "x"));
    }

    [Theory]
    [InlineData(0, "1n")]
    [InlineData(0.0000001, "1u")]
    [InlineData(0.25, "250000u")]
    [InlineData(100, "100000m")]
    [InlineData(86_400, "86400000m")]
    [InlineData(86_400_000, "86400000S")]
    public void A_timeout_is_written_so_that_it_reads_back_no_shorter(double seconds, string expected)
    {
        var timeout = TimeSpan.FromSeconds(seconds);

        Assert.Equal(expected, GrpcTimeout.Format(timeout));
        Assert.True(GrpcTimeout.Parse(expected) >= timeout);
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("50%", "50%25")]
    [InlineData("ü\n", "%C3%BC%0A")]
    public void A_status_text_survives_its_encoding(string text, string encoded)
    {
        Assert.Equal(encoded, StatusText.Encode(text));
        Assert.Equal(text, StatusText.Decode(encoded));
        Assert.Equal("broken %zz and %", StatusText.Decode("broken %zz and %"));
    }

    private static ValueTask<EchoResponse> Answer(EchoRequest request, ServerCallContext context) => new(new EchoResponse());

    private static Task<EchoResponse> AnswerByTask(EchoRequest request, ServerCallContext context) =>
        Task.FromResult(new EchoResponse { Text = request.Text });
}
