using Google.Protobuf;
using KvStore.Grpc;
using KvStore.Protocol;
using CompareTarget = KvStore.Protocol.Compare.Types.CompareTarget;

namespace KvStore.Client.Tests;

public class KeyTests
{
    [Fact]
    public void A_prefix_ends_before_the_next_key_that_lacks_it()
    {
        Assert.Equal(new KeyRange(Of(1, 2), Of(1, 3)), KeyRange.Prefix(Of(1, 2)));
        Assert.Equal(new KeyRange(Of(1, 255), Of(2)), KeyRange.Prefix(Of(1, 255)));
        Assert.Equal(new KeyRange(Of(255, 255), Of(0)), KeyRange.Prefix(Of(255, 255)));
        Assert.Equal(KeyRange.All, KeyRange.Prefix(""));
    }

    [Fact]
    public void A_transaction_reads_as_it_is_said()
    {
        TxnRequest txn = new Txn()
            .When(If.ModRevision("a").Is(3), If.Value("b").IsNot("x"), If.Missing("c"))
            .Then(Do.Put("a", "1", new LeaseId(7)), Do.Delete(KeyRange.Prefix("q/")))
            .Else(Do.Get("a"), Do.Txn(new Txn().Then(Do.Get("b"))));

        Assert.Equal(
            [(CompareTarget.Mod, 3L), (CompareTarget.Value, 0), (CompareTarget.Version, 0)],
            txn.Compare.Select(compare => (compare.Target, compare.ModRevision)));
        Assert.Equal(Compare.Types.CompareResult.NotEqual, txn.Compare[1].Result);
        Assert.Equal(7, txn.Success[0].RequestPut.Lease);
        Assert.Equal("q0", txn.Success[1].RequestDeleteRange.RangeEnd.ToStringUtf8());
        Assert.Single(txn.Failure[1].RequestTxn.Success);
    }

    [Theory]
    [InlineData("http://h:1", "http://h:1/")]
    [InlineData("h:1", "http://h:1/")]
    [InlineData("https://[::1]:1", "https://[::1]:1/")]
    [InlineData("unix:/a/b", "unix:/a/b")]
    public void An_endpoint_is_read(string endpoint, string uri) =>
        Assert.Equal(uri, EndpointAddress.Parse(endpoint, hasTls: false).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("ftp://h:1")]
    [InlineData("unix:")]
    public void What_is_no_endpoint_is_refused(string endpoint)
    {
        var refused = Assert.Throws<ArgumentException>(() => EndpointAddress.Parse(endpoint, hasTls: false));

        Assert.Contains($"\"{endpoint}\"", refused.Message);
    }

    [Fact]
    public void A_reason_to_cancel_a_watch_is_a_status_in_gos_print()
    {
        Assert.Equal(
            (StatusCode.PermissionDenied, EtcdErrors.PermissionDenied),
            CancelReason.Parse("rpc error: code = PermissionDenied desc = etcdserver: permission denied"));
        Assert.Equal((StatusCode.Cancelled, "mvcc: watcher range is empty"), CancelReason.Parse("mvcc: watcher range is empty"));
    }

    [Theory]
    // The server's own words.
    [InlineData(StatusCode.Unavailable, "etcdserver: request timed out", false, FailureKind.Unavailable)]
    [InlineData(StatusCode.FailedPrecondition, EtcdErrors.NotSupportedForLearner, false, FailureKind.WrongMember)]
    [InlineData(StatusCode.Unauthenticated, EtcdErrors.InvalidAuthToken, false, FailureKind.TokenRefused)]
    [InlineData(StatusCode.InvalidArgument, EtcdErrors.AuthOldRevision, false, FailureKind.TokenRefused)]
    [InlineData(StatusCode.ResourceExhausted, EtcdErrors.TooManyRequests, false, FailureKind.Refused)]
    [InlineData(StatusCode.DataLoss, "etcdserver: corrupt cluster", false, FailureKind.Refused)]
    [InlineData(StatusCode.DeadlineExceeded, "context deadline exceeded", false, FailureKind.Doubtful)]
    [InlineData(StatusCode.Internal, "", false, FailureKind.Doubtful)]
    [InlineData(StatusCode.Unknown, EtcdErrors.ElectionNoLeader, false, FailureKind.Refused)]
    [InlineData(StatusCode.Unknown, EtcdErrors.LeaseNotFound, false, FailureKind.Refused)]
    // What Lock makes of a timeout inside the server: the key may be there.
    [InlineData(StatusCode.Unknown, "etcdserver: request timed out", false, FailureKind.Doubtful)]
    // Found on this side of the wire.
    [InlineData(StatusCode.Unavailable, "the connection was lost", true, FailureKind.Lost)]
    [InlineData(StatusCode.Internal, "the stream ended with the HTTP/2 error 0x2", true, FailureKind.Lost)]
    [InlineData(StatusCode.ResourceExhausted, "grpc: received message larger than max (9 vs. 8)", true, FailureKind.Doubtful)]
    public void The_ends_of_calls_are_told_apart(StatusCode code, string text, bool isLocal, object kind) =>
        Assert.Equal(kind, Failure.KindOf(new Status(code, text, isLocal ? new IOException() : null), hasCredentials: true));

    [Theory]
    [InlineData(StatusCode.Unavailable, FailureKind.NeverSent)]
    [InlineData(StatusCode.DeadlineExceeded, FailureKind.NeverSent)]
    [InlineData(StatusCode.ResourceExhausted, FailureKind.Refused)]
    public void What_was_never_sent_may_be_tried_again_unless_it_is_too_large(StatusCode code, object kind) =>
        Assert.Equal(kind, Failure.KindOf(new Status(code, "", new RequestNotSentException(null)), hasCredentials: false));

    private static ByteString Of(params byte[] bytes) => ByteString.CopyFrom(bytes);
}
