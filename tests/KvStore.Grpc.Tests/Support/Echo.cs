using KvStore.Grpc.Tests.Protos;

namespace KvStore.Grpc.Tests.Support;

/// <summary>The test service's methods, and handlers that do the obvious.</summary>
internal static class Echo
{
    public static readonly Method<EchoRequest, EchoResponse> Say = Of("Say");
    public static readonly Method<EchoRequest, EchoResponse> Collect = Of("Collect");
    public static readonly Method<EchoRequest, EchoResponse> Count = Of("Count");
    public static readonly Method<EchoRequest, EchoResponse> Chat = Of("Chat");
    public static readonly Method<EchoRequest, EchoResponse> Unbound = Of("Unbound");

    public static GrpcServiceBinder Binder => new(EchoReflection.Descriptor.Services[0]);

    public static GrpcServiceBinder Obvious => Binder
        .Unary<EchoRequest, EchoResponse>("Say", Answer)
        .ClientStreaming<EchoRequest, EchoResponse>("Collect", JoinAll)
        .ServerStreaming<EchoRequest, EchoResponse>("Count", CountUp)
        .DuplexStreaming<EchoRequest, EchoResponse>("Chat", AnswerEach);

    public static GrpcServiceBinder Saying(UnaryServerMethod<EchoRequest, EchoResponse> handler) => Binder.Unary("Say", handler);

    public static GrpcServiceBinder Chatting(DuplexStreamingServerMethod<EchoRequest, EchoResponse> handler) =>
        Binder.DuplexStreaming("Chat", handler);

    public static GrpcServiceBinder Counting(ServerStreamingServerMethod<EchoRequest, EchoResponse> handler) =>
        Binder.ServerStreaming("Count", handler);

    public static EchoRequest Request(string text = "", int number = 0) => new() { Text = text, Number = number };

    private static ValueTask<EchoResponse> Answer(EchoRequest request, ServerCallContext context) =>
        ValueTask.FromResult(new EchoResponse { Text = request.Text, Payload = request.Payload, Number = request.Number });

    private static async Task<EchoResponse> JoinAll(IAsyncStreamReader<EchoRequest> requests, ServerCallContext context)
    {
        var texts = new List<string>();
        await foreach (var request in requests.ReadAllAsync())
            texts.Add(request.Text);
        return new EchoResponse { Text = string.Join(' ', texts) };
    }

    private static async Task CountUp(EchoRequest request, IServerStreamWriter<EchoResponse> responses, ServerCallContext context)
    {
        for (var number = 1; number <= request.Number; number++)
            await responses.WriteAsync(new EchoResponse { Number = number });
    }

    private static async Task AnswerEach(
        IAsyncStreamReader<EchoRequest> requests, IServerStreamWriter<EchoResponse> responses, ServerCallContext context)
    {
        await foreach (var request in requests.ReadAllAsync())
            await responses.WriteAsync(new EchoResponse { Text = request.Text });
    }

    private static Method<EchoRequest, EchoResponse> Of(string name) =>
        EchoReflection.Descriptor.Services[0].Method<EchoRequest, EchoResponse>(name);
}
