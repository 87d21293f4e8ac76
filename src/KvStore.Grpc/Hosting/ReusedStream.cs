using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace KvStore.Grpc;

/// <summary>Sees to it that Kestrel answers on an HTTP/2 stream whose object served another request before.</summary>
/// <remarks>
/// Kestrel keeps the objects of ended streams for later streams of their connection. When a client opens its window just while the
/// last of a response is written, the response's output can be put into the writer's queue once more, is dropped there because the
/// response is complete, and still says that it is queued (dotnet/aspnetcore 53736, of all versions up to 10.0). Nothing clears that
/// when the object is used again: the next request's output is never queued, and its client waits for ever. It takes a response
/// larger than its client's window, and a processor that is busy at the wrong moment: one answer in some ten thousand.
/// <para>So it is cleared at the beginning of each request, when nothing of it can be queued. Should the former entry still be in the
/// queue, the writer looks at this output once in vain. There is no public way: where a later version has other private members,
/// nothing is done.</para>
/// </remarks>
public static class ReusedStream
{
    private const string Kestrel = "Microsoft.AspNetCore.Server.Kestrel.Core";
    private const string Stream = $"{Kestrel}.Internal.Http.HttpProtocol, {Kestrel}";
    private const string Output = $"{Kestrel}.Internal.Http2.Http2OutputProducer, {Kestrel}";

    private static readonly Type? StreamType = Type.GetType(Stream), OutputType = Type.GetType(Output);
    private static volatile bool _isUnknown;

    /// <summary>Call it for each request before anything is written.</summary>
    /// <param name="features">The request's, as Kestrel made them.</param>
    public static void Prepare(IFeatureCollection features)
    {
        if (_isUnknown || features is not IHttp2StreamIdFeature || StreamType?.IsInstanceOfType(features) != true)
            return;
        try
        {
            ClearQueued(features);
        }
        catch (Exception change) when (change is MissingMemberException or TypeLoadException)
        {
            _isUnknown = true;
        }
    }

    // A method of its own: what it calls is looked for when it is compiled. The runtime does not check the types: it is done here.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ClearQueued(IFeatureCollection stream)
    {
        object output = OutputOf(stream);
        if (output.GetType() == OutputType)
            IsQueued(output) = false;
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Output")]
    [return: UnsafeAccessorType($"{Kestrel}.Internal.Http.IHttpOutputProducer, {Kestrel}")]
    private static extern object OutputOf([UnsafeAccessorType(Stream)] object stream);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_isScheduled")]
    private static extern ref bool IsQueued([UnsafeAccessorType(Output)] object output);
}
