using KvStore.Grpc;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Orchestrator.Runtime.ApiServer.Http;

/// <summary>What Kestrel calls for each request.</summary>
internal sealed class ServerApplication(RequestPipeline pipeline) : IHttpApplication<HttpContext>
{
    public HttpContext CreateContext(IFeatureCollection contextFeatures)
    {
        ReusedStream.Prepare(contextFeatures);
        return new DefaultHttpContext(contextFeatures);
    }

    public Task ProcessRequestAsync(HttpContext context) => pipeline.ServeAsync(context);

    public void DisposeContext(HttpContext context, Exception? exception)
    {
    }
}
