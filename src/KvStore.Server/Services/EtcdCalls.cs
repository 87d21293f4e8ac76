using Google.Protobuf.Reflection;
using KvStore.Grpc;
using KvStore.Mvcc.Errors;
using KvStore.Protocol;

namespace KvStore.Server.Services;

/// <summary>Binds handlers that refuse with an <see cref="EtcdException"/>: the client gets etcd's code and text.</summary>
internal static class EtcdCalls
{
    public static ServiceDescriptor Service(string name) => RpcReflection.Descriptor.Services.Single(service => service.Name == name);

    public static GrpcServiceBinder Etcd<TRequest, TResponse>(
        this GrpcServiceBinder binder, CallRules rules, string method, Func<TRequest, ServerCallContext, ValueTask<TResponse>> handler,
        bool keepRequestBytes = false)
        where TRequest : class
    {
        return binder.Unary<TRequest, TResponse>(method, Call, keepRequestBytes);

        async ValueTask<TResponse> Call(TRequest request, ServerCallContext context)
        {
            try
            {
                rules.Admit(request, context);
                return await handler(request, context);
            }
            catch (EtcdException refusal)
            {
                throw ToRpcException(refusal);
            }
        }
    }

    public static RpcException ToRpcException(EtcdException refusal) =>
        new(new Status((KvStore.Grpc.StatusCode)(int)refusal.Error.Code, refusal.Error.Text));
}
