using System.Buffers;
using Microsoft.AspNetCore.Http;
using Orchestrator.Api;

namespace Orchestrator.Runtime.ApiServer.Requests;

/// <summary>Reads whole bodies, up to Kubernetes' limit.</summary>
internal static class BodyReader
{
    /// <summary>As the API server of Kubernetes has it.</summary>
    public const int LimitBytes = 3 * 1024 * 1024;

    /// <exception cref="ApiException">413.</exception>
    public static async Task<byte[]> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (request.ContentLength > LimitBytes)
            throw TooLarge();
        var reader = request.BodyReader;
        while (true)
        {
            var result = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            if (result.Buffer.Length > LimitBytes)
            {
                reader.AdvanceTo(result.Buffer.End);
                throw TooLarge();
            }

            if (result.IsCompleted)
            {
                byte[] body = result.Buffer.ToArray();
                reader.AdvanceTo(result.Buffer.End);
                return body;
            }

            reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    private static ApiException TooLarge() => ApiErrors.RequestEntityTooLarge($"limit is {LimitBytes}");
}
