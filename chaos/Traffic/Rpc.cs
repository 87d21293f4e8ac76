using Google.Protobuf;
using Google.Protobuf.Reflection;
using KvStore.Chaos.History;
using KvStore.Grpc;

namespace KvStore.Chaos.Traffic;

/// <summary>A method of etcd's, and where its messages stand in a record: each kind of message has one place there.</summary>
internal sealed class Rpc<TRequest, TResponse>(ServiceDescriptor service, string name)
    where TRequest : IMessage
    where TResponse : IMessage
{
    private readonly IFieldAccessor _request = PlaceOf<TRequest>(Request.Descriptor);
    private readonly IFieldAccessor _response = PlaceOf<TResponse>(Response.Descriptor);

    public Method<TRequest, TResponse> Method { get; } = service.Method<TRequest, TResponse>(name);

    public Request Wrap(TRequest message)
    {
        var request = new Request();
        _request.SetValue(request, message);
        return request;
    }

    public Response Wrap(TResponse message)
    {
        var response = new Response();
        _response.SetValue(response, message);
        return response;
    }

    private static IFieldAccessor PlaceOf<TMessage>(MessageDescriptor record) =>
        record.Fields.InDeclarationOrder().Single(field => field.MessageType.ClrType == typeof(TMessage)).Accessor;
}
