using KvStore.Grpc;
using KvStore.Mvcc.Watches;
using KvStore.Protocol;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Services;

/// <summary>etcd's Watch service: one call is one <see cref="WatchStream"/> of the hub.</summary>
internal sealed class WatchService(Member member)
{
    public GrpcServiceBinder Bind() => new GrpcServiceBinder(RpcReflection.Descriptor.FindTypeByName<Google.Protobuf.Reflection.ServiceDescriptor>("Watch"))
        .DuplexStreaming<WatchRequest, WatchAnswer>("Watch", WatchAsync);

    private async Task WatchAsync(
        IAsyncStreamReader<WatchRequest> requests, IServerStreamWriter<WatchAnswer> answers, ServerCallContext context)
    {
        var isReady = new AsyncSignal();
        var mayReceive = new AsyncSignal();
        var stream = member.Watches.OpenStream(isReady.Set, mayReceive.Set);
        using var cancellation = context.CancellationToken.Register(() =>
        {
            isReady.Set();
            mayReceive.Set();
        });
        var receiving = ReceiveAsync(requests, stream, isReady, mayReceive, context.CancellationToken);
        try
        {
            await SendAsync(stream, answers, isReady, receiving, context.CancellationToken);
        }
        finally
        {
            stream.Close();
        }
    }

    /// <summary>Passes the client's requests on, as fast as it takes their answers. Its half-close ends nothing: events keep
    /// flowing to it.</summary>
    internal static async Task ReceiveAsync(
        IAsyncStreamReader<WatchRequest> requests, WatchStream stream, AsyncSignal isReady, AsyncSignal mayReceive, CancellationToken cancellation)
    {
        try
        {
            while (await requests.MoveNext())
            {
                Pass(requests.Current, stream);
                while (!stream.AcceptsRequests)
                {
                    await mayReceive.WaitAsync();
                    cancellation.ThrowIfCancellationRequested();
                }
            }
        }
        finally
        {
            isReady.Set();
        }
    }

    private static void Pass(WatchRequest request, WatchStream stream)
    {
        switch (request.RequestUnionCase)
        {
            case WatchRequest.RequestUnionOneofCase.CreateRequest: stream.Create(request.CreateRequest); break;
            case WatchRequest.RequestUnionOneofCase.CancelRequest: stream.Cancel(request.CancelRequest.WatchId); break;
            case WatchRequest.RequestUnionOneofCase.ProgressRequest: stream.RequestProgress(); break;
        }
    }

    private async Task SendAsync(
        WatchStream stream, IServerStreamWriter<WatchAnswer> answers, AsyncSignal isReady, Task receiving, CancellationToken cancellation)
    {
        while (true)
        {
            bool hasMessage = stream.TryTake(out var message);
            while (hasMessage)
            {
                var current = message;
                hasMessage = stream.TryTake(out message);
                // Messages that are there already share packets; the last one sends them off.
                answers.WriteOptions = hasMessage ? WriteOptions.Buffered : WriteOptions.Default;
                await answers.WriteAsync(new WatchAnswer(current, member.HeaderAt(current.HeaderRevision)));
            }
            cancellation.ThrowIfCancellationRequested();
            if (receiving.IsFaulted || receiving.IsCanceled)
                await receiving;
            await isReady.WaitAsync();
        }
    }
}
