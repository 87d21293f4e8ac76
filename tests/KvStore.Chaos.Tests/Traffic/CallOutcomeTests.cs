using KvStore.Chaos.History;
using KvStore.Chaos.Traffic;
using KvStore.Grpc;

namespace KvStore.Chaos.Tests.Traffic;

public sealed class CallOutcomeTests
{
    [Fact]
    public void A_request_that_never_left_is_certainly_not_done()
    {
        var end = new RpcException(new Status(StatusCode.Unavailable, "", new RequestNotSentException(null)));

        Assert.Equal(Outcome.Failed, CallOutcome.Of(end));
    }

    [Theory]
    [InlineData(StatusCode.NotFound, "etcdserver: requested lease not found")]
    [InlineData(StatusCode.OutOfRange, "etcdserver: mvcc: required revision has been compacted")]
    [InlineData(StatusCode.ResourceExhausted, "etcdserver: mvcc: database space exceeded")]
    public void A_refusal_is_certainly_not_done(StatusCode code, string text)
    {
        Assert.Equal(Outcome.Failed, CallOutcome.Of(new RpcException(code, text)));
    }

    [Theory]
    [InlineData(StatusCode.Unavailable, "etcdserver: request timed out")]
    [InlineData(StatusCode.Unknown, "")]
    [InlineData(StatusCode.Internal, "")]
    [InlineData(StatusCode.Cancelled, "")]
    public void What_a_server_gives_up_may_be_done_all_the_same(StatusCode code, string text)
    {
        Assert.Equal(Outcome.Unknown, CallOutcome.Of(new RpcException(code, text)));
    }

    [Theory]
    [InlineData(StatusCode.DeadlineExceeded)]
    [InlineData(StatusCode.Unavailable)]
    [InlineData(StatusCode.ResourceExhausted)]
    public void A_failure_on_this_side_of_the_wire_after_sending_says_nothing(StatusCode code)
    {
        var end = new RpcException(new Status(code, "", new IOException()));

        Assert.Equal(Outcome.Unknown, CallOutcome.Of(end));
    }
}
