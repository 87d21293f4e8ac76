using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace KvStore.Grpc;

/// <summary>What Kestrel calls for each request: gRPC calls go to the server, all else to the HTTP fallback.</summary>
internal sealed class GrpcApplication(GrpcServer server, RequestDelegate? httpFallback) : IHttpApplication<IFeatureCollection>
{
    public IFeatureCollection CreateContext(IFeatureCollection contextFeatures)
    {
        ReusedStream.Prepare(contextFeatures);
        return contextFeatures;
    }

    public void DisposeContext(IFeatureCollection context, Exception? exception)
    {
    }

    public Task ProcessRequestAsync(IFeatureCollection features)
    {
        var request = features.Get<IHttpRequestFeature>()!;
        var contentType = request.Headers.ContentType;
        if (contentType.Count == 0 || !IsGrpc(contentType.ToString()))
            return ServeHttp(features, request);
        if (request.Protocol != "HTTP/2")
            return Refuse(features, StatusCodes.Status426UpgradeRequired, "gRPC needs HTTP/2");
        if (request.Method != HttpMethods.Post)
            return Refuse(features, StatusCodes.Status405MethodNotAllowed, "gRPC calls are POST requests");
        if (server.Find(request.Path) is { } method)
            return method.ServeAsync(new HttpServerCall(server, method, features, request));
        return RefuseCall(features, server.StatusOfUnknown(request.Path));
    }

    private static bool IsGrpc(string contentType)
    {
        const string grpc = HttpServerCall.ContentType;
        return contentType.StartsWith(grpc, StringComparison.OrdinalIgnoreCase)
            && (contentType.Length == grpc.Length || contentType[grpc.Length] is '+' or ';');
    }

    private Task ServeHttp(IFeatureCollection features, IHttpRequestFeature request)
    {
        // A method's path with another content type is a gRPC client's mistake, no page to look for.
        if (request.Method == HttpMethods.Post && request.Protocol == "HTTP/2" && server.Find(request.Path) is not null)
        {
            features.Get<IHttpResponseFeature>()!.StatusCode = StatusCodes.Status415UnsupportedMediaType;
            return RefuseCall(features, new Status(
                StatusCode.InvalidArgument, $"invalid gRPC request content-type \"{request.Headers.ContentType}\""));
        }

        return httpFallback is null
            ? Refuse(features, StatusCodes.Status404NotFound, "404 page not found")
            : httpFallback(new DefaultHttpContext(features));
    }

    private static Task RefuseCall(IFeatureCollection features, Status status)
    {
        var headers = features.Get<IHttpResponseFeature>()!.Headers;
        headers.ContentType = HttpServerCall.ContentType;
        headers.GrpcStatus = ((int)status.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture);
        headers.GrpcMessage = StatusText.Encode(status.Detail);
        return Task.CompletedTask;
    }

    private static async Task Refuse(IFeatureCollection features, int statusCode, string text)
    {
        var response = features.Get<IHttpResponseFeature>()!;
        response.StatusCode = statusCode;
        response.Headers.ContentType = "text/plain; charset=utf-8";
        await features.Get<IHttpResponseBodyFeature>()!.Writer.WriteAsync(
            System.Text.Encoding.UTF8.GetBytes(text + "\n")).ConfigureAwait(false);
    }
}
