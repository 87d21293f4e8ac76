using System.Diagnostics;
using KvStore.Server.Telemetry;

namespace KvStore.Server.Tests.Telemetry;

[Collection(TelemetryCollection.Name)]
public class RpcTracingTests
{
    private static ActivityListener Listen()
    {
        var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == RpcTracing.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }

    [Fact]
    public void Nobody_listening_means_no_span() => Assert.Null(RpcTracing.Start("/etcdserverpb.KV/Range", null, null));

    [Fact]
    public void A_span_is_a_part_of_its_callers_trace()
    {
        using ActivityListener listener = Listen();

        Activity span = RpcTracing.Start(
            "/etcdserverpb.KV/Range", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", null)!;
        RpcTracing.End(span, 11, "etcdserver: mvcc: required revision has been compacted");

        Assert.Equal("etcdserverpb.KV/Range", span.DisplayName);
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", span.TraceId.ToString());
        Assert.Equal("b7ad6b7169203331", span.ParentSpanId.ToString());
        Assert.Equal("Range", span.GetTagItem("rpc.method"));
        Assert.Equal(11, span.GetTagItem("rpc.grpc.status_code"));
        Assert.Equal(ActivityStatusCode.Error, span.Status);
    }

    [Fact]
    public void A_header_that_is_no_trace_begins_a_new_one()
    {
        using ActivityListener listener = Listen();

        using Activity? span = RpcTracing.Start("/etcdserverpb.KV/Range", "rubbish", null);

        Assert.NotNull(span);
        Assert.Equal(default, span.ParentSpanId);
    }
}
