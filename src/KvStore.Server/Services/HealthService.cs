using KvStore.Grpc;
using KvStore.Protocol;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Services;

/// <summary>gRPC's health protocol for the server as a whole: serving as long as it answers.</summary>
internal sealed class HealthService(Member member)
{
    public GrpcServiceBinder Bind() => new GrpcServiceBinder(HealthReflection.Descriptor.Services.Single())
        .Unary<HealthCheckRequest, HealthCheckResponse>("Check", Check)
        .ServerStreaming<HealthCheckRequest, HealthCheckResponse>("Watch", WatchAsync);

    private ValueTask<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context)
    {
        if (request.Service.Length > 0)
            throw new RpcException(new Status(StatusCode.NotFound, "unknown service"));
        return ValueTask.FromResult(new HealthCheckResponse { Status = StatusNow() });
    }

    private async Task WatchAsync(
        HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responses, ServerCallContext context)
    {
        var status = request.Service.Length > 0 ? HealthCheckResponse.Types.ServingStatus.ServiceUnknown : StatusNow();
        await responses.WriteAsync(new HealthCheckResponse { Status = status });
        // It serves until it ends, and ends the stream then.
        await Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken);
    }

    private HealthCheckResponse.Types.ServingStatus StatusNow() => member.HasLeader
        ? HealthCheckResponse.Types.ServingStatus.Serving
        : HealthCheckResponse.Types.ServingStatus.NotServing;
}
