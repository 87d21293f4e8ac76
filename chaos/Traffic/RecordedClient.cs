using Google.Protobuf;
using KvStore.Chaos.History;
using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Chaos.Traffic;

/// <summary>One client: makes one request at a time, to a member that it names; all that it asks and hears is recorded.</summary>
/// <remarks>
/// Nothing is tried again. Once it does not know the outcome of a request it is retired: whoever drives it takes a new one, with
/// new connections.
/// </remarks>
internal sealed class RecordedClient(Recorder recorder, IReadOnlyList<MemberAddress> members) : IDisposable
{
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, GrpcChannel> _channels = [];
    private int _valueCount;

    public int Id { get; } = recorder.NewClient();

    public Recorder Recorder => recorder;

    public IReadOnlyList<MemberAddress> Members => members;

    /// <summary>It was left without knowing what became of a request.</summary>
    public bool IsRetired { get; private set; }

    /// <summary>A value that nobody else in the run writes.</summary>
    public string NewValue() => $"{Id}.{++_valueCount}";

    /// <summary>The way to one member, its own.</summary>
    public GrpcChannel ChannelTo(string member)
    {
        if (_channels.TryGetValue(member, out var channel))
            return channel;
        string url = members.First(one => one.Name == member).Url;
        channel = GrpcChannel.ForAddress(url, new GrpcChannelOptions
        {
            ConnectTimeout = ConnectLimit,
            MaxReceiveMessageSize = 64 << 20,
            KeepAlivePingInterval = TimeSpan.FromSeconds(10),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(5),
            KeepAlivePingWithoutCalls = false,
        });
        _channels.Add(member, channel);
        return channel;
    }

    /// <exception cref="InvalidOperationException">The client is retired.</exception>
    public async Task<Answer<TResponse>> CallAsync<TRequest, TResponse>(
        Rpc<TRequest, TResponse> rpc, string member, TRequest request, TimeSpan limit, CancellationToken cancellationToken)
        where TRequest : IMessage
        where TResponse : class, IMessage
    {
        var operation = Begin(rpc, member, request);
        try
        {
            using var call = ChannelTo(member).AsyncUnaryCall(rpc.Method, null, Options(limit, cancellationToken), request);
            return Succeeded(rpc, operation, await call.ResponseAsync);
        }
        catch (RpcException end)
        {
            return Failed<TResponse>(operation, end);
        }
    }

    /// <summary>One renewal, on a stream of its own: one message there, one back.</summary>
    public async Task<Answer<LeaseKeepAliveResponse>> KeepAliveAsync(
        string member, LeaseKeepAliveRequest request, TimeSpan limit, CancellationToken cancellationToken)
    {
        var operation = Begin(Rpcs.LeaseKeepAlive, member, request);
        try
        {
            using var call = ChannelTo(member).AsyncDuplexStreamingCall(
                Rpcs.LeaseKeepAlive.Method, null, Options(limit, cancellationToken));
            await SendAsync(call, request);
            if (await call.ResponseStream.MoveNext(CancellationToken.None))
                return Succeeded(Rpcs.LeaseKeepAlive, operation, call.ResponseStream.Current);
            throw new RpcException(StatusCode.Unavailable, "the stream ended without an answer");
        }
        catch (RpcException end)
        {
            return Failed<LeaseKeepAliveResponse>(operation, end);
        }
    }

    public void Dispose()
    {
        foreach (var channel in _channels.Values)
            channel.Dispose();
    }

    private static async Task SendAsync<TRequest, TResponse>(AsyncDuplexStreamingCall<TRequest, TResponse> call, TRequest request)
    {
        try
        {
            await call.RequestStream.WriteAsync(request);
        }
        catch (Exception ended) when (ended is RpcException or InvalidOperationException)
        {
            // The stream has ended; reading it says why.
        }
    }

    private static CallOptions Options(TimeSpan limit, CancellationToken cancellationToken) =>
        new(Deadline: DateTime.UtcNow + limit, CancellationToken: cancellationToken);

    private Operation Begin<TRequest, TResponse>(Rpc<TRequest, TResponse> rpc, string member, TRequest request)
        where TRequest : IMessage
        where TResponse : IMessage
    {
        if (IsRetired)
            throw new InvalidOperationException($"client {Id} is retired");
        var operation = new Operation { Id = recorder.NewOperation(), Client = Id, Member = member, Request = rpc.Wrap(request) };
        operation.CalledAt = recorder.Now;
        return operation;
    }

    private Answer<TResponse> Succeeded<TRequest, TResponse>(Rpc<TRequest, TResponse> rpc, Operation operation, TResponse response)
        where TRequest : IMessage
        where TResponse : class, IMessage
    {
        operation.ReturnedAt = recorder.Now;
        operation.Outcome = Outcome.Ok;
        operation.Response = rpc.Wrap(response);
        recorder.Write(operation);
        return new Answer<TResponse>(Outcome.Ok, response);
    }

    private Answer<TResponse> Failed<TResponse>(Operation operation, RpcException end)
        where TResponse : class
    {
        operation.ReturnedAt = recorder.Now;
        operation.Outcome = CallOutcome.Of(end);
        operation.ErrorCode = (int)end.StatusCode;
        operation.ErrorText = end.Status.Detail;
        recorder.Write(operation);
        IsRetired |= operation.Outcome == Outcome.Unknown;
        return new Answer<TResponse>(operation.Outcome, null, end.Status.Detail);
    }
}
