using KvStore.Grpc.Tests.Protos;

namespace KvStore.Grpc.Tests.Support;

/// <summary>The test service's calls, short.</summary>
internal static class Calls
{
    public static AsyncUnaryCall<EchoResponse> Say(
        this CallInvoker channel, EchoRequest request, CallOptions options = default) =>
        channel.AsyncUnaryCall(Echo.Say, null, options, request);

    public static AsyncUnaryCall<EchoResponse> Say(this CallInvoker channel, string text, CallOptions options = default) =>
        channel.Say(new EchoRequest { Text = text }, options);

    public static AsyncServerStreamingCall<EchoResponse> Count(this CallInvoker channel, int to, CallOptions options = default) =>
        channel.AsyncServerStreamingCall(Echo.Count, null, options, new EchoRequest { Number = to });

    public static AsyncClientStreamingCall<EchoRequest, EchoResponse> Collect(
        this CallInvoker channel, CallOptions options = default) => channel.AsyncClientStreamingCall(Echo.Collect, null, options);

    public static AsyncDuplexStreamingCall<EchoRequest, EchoResponse> Chat(
        this CallInvoker channel, CallOptions options = default) => channel.AsyncDuplexStreamingCall(Echo.Chat, null, options);
}
