using System.Buffers;
using System.Runtime.CompilerServices;
using Orchestrator.Api;

namespace Orchestrator.Runtime.Client;

/// <summary>A typed client of the API server.</summary>
/// <remarks>
/// Refusals are <see cref="ApiException"/>s with the server's Status; <see cref="TransportException"/> means that nobody
/// answered. Requests that the server puts off with Retry-After are sent again. A namespace of "" means cluster-wide or,
/// for lists and watches, all namespaces. Thread-safe.
/// </remarks>
public sealed partial class ApiClient
{
    private const int PageLimit = 500;

    private readonly IApiTransport _transport;
    private readonly ApiClientOptions _options;
    private readonly RequestRateLimiter? _limiter;

    public ApiClient(IApiTransport transport, ApiClientOptions? options = null)
    {
        _transport = transport;
        _options = options ?? new ApiClientOptions();
        if (_options.QueriesPerSecond is { } rate)
            _limiter = new RequestRateLimiter(rate, _options.Burst, _options.Time);
    }

    private ApiClient(IApiTransport transport, ApiClientOptions options, RequestRateLimiter? limiter) =>
        (_transport, _options, _limiter) = (transport, options, limiter);

    public TimeProvider Time => _options.Time;

    /// <summary>The same client, connections and rate limit with it, for another user.</summary>
    public ApiClient ActingFor(ActingUser user) => new(new ImpersonatingTransport(_transport, user), _options, _limiter);

    /// <summary>The resource under which objects of a kind are served.</summary>
    public static ResourceDescription ResourceOf(GroupVersionKind kind) =>
        ResourceTable.Served.ForKind(kind) ?? throw new ArgumentException($"no resource is served for {kind}", nameof(kind));

    public static ResourceDescription ResourceOf<T>() where T : class, IKubernetesObject<T> => ResourceOf(T.StaticKind);

    // Reads

    public async Task<T> GetAsync<T>(string ns, string name, CancellationToken cancellation = default)
        where T : class, IKubernetesObject<T> =>
        (T)await GetAsync(ResourceOf<T>(), ns, name, cancellation);

    public async Task<IKubernetesObject> GetAsync(
        ResourceDescription resource, string ns, string name, CancellationToken cancellation = default) =>
        KubernetesJson.Deserialize(resource.Kind, (await GetBytesAsync(resource, ns, name, null, cancellation)).Span);

    /// <summary>The object, or null where there is none.</summary>
    public async Task<T?> FindAsync<T>(string ns, string name, CancellationToken cancellation = default)
        where T : class, IKubernetesObject<T>
    {
        try
        {
            return await GetAsync<T>(ns, name, cancellation);
        }
        catch (ApiException refusal) when (refusal.IsNotFound)
        {
            return null;
        }
    }

    public Task<ReadOnlyMemory<byte>> GetBytesAsync(
        ResourceDescription resource, string ns, string name, string? subresource, CancellationToken cancellation = default) =>
        SendAsync(new ApiRequest(HttpMethod.Get, new RequestPath(resource, ns, name, subresource).ToString()), cancellation);

    /// <summary>Metadata alone.</summary>
    public async Task<MetadataObject> GetMetadataAsync(
        ResourceDescription resource, string ns, string name, CancellationToken cancellation = default)
    {
        var request = new ApiRequest(HttpMethod.Get, new RequestPath(resource, ns, name).ToString())
        {
            Accept = ApiRequest.MetadataOnly,
        };
        return MetadataObject.Read(resource.Kind, (await SendAsync(request, cancellation)).Span);
    }

    /// <summary>One page; everything where <see cref="ListOptions.Limit"/> is null.</summary>
    public async Task<ObjectList<T>> ListAsync<T>(
        string ns = "", ListOptions? options = null, CancellationToken cancellation = default)
        where T : class, IKubernetesObject<T>
    {
        var page = await ListAsync(ObjectFormat.Whole, ResourceOf<T>(), ns, options, cancellation);
        return new ObjectList<T>([.. page.Items.Cast<T>()], page.ResourceVersion, page.Continue, page.RemainingItemCount);
    }

    public Task<ObjectList<IKubernetesObject>> ListAsync(
        ResourceDescription resource, string ns = "", ListOptions? options = null, CancellationToken cancellation = default) =>
        ListAsync(ObjectFormat.Whole, resource, ns, options, cancellation);

    internal async Task<ObjectList<IKubernetesObject>> ListAsync(
        ObjectFormat format, ResourceDescription resource, string ns, ListOptions? options, CancellationToken cancellation)
    {
        options ??= ListOptions.Default;
        var path = new RequestPath(resource, ns)
            .With("labelSelector", options.LabelSelector)
            .With("fieldSelector", options.FieldSelector)
            .With("limit", options.Limit)
            .With("continue", options.Continue)
            .With("resourceVersion", options.ResourceVersion)
            .With("resourceVersionMatch", options.ResourceVersionMatch);
        var request = new ApiRequest(HttpMethod.Get, path.ToString()) { Accept = format.ListAccept };
        var body = await SendAsync(request, cancellation);
        return ListReader.Read(format, resource.Kind, body.Span);
    }

    /// <summary>All pages, each read when the one before is used up. A list that expires half-way is taken anew as a whole,
    /// so that an object may come twice.</summary>
    public async IAsyncEnumerable<T> ListAllAsync<T>(
        string ns = "", ListOptions? options = null, [EnumeratorCancellation] CancellationToken cancellation = default)
        where T : class, IKubernetesObject<T>
    {
        options ??= ListOptions.Default;
        options = options with { Limit = options.Limit ?? PageLimit };
        while (true)
        {
            ObjectList<T> page;
            try
            {
                page = await ListAsync<T>(ns, options, cancellation);
            }
            catch (ApiException refusal) when (refusal.IsExpired && options.Continue is not null)
            {
                page = await ListAsync<T>(ns, options with { Limit = null, Continue = null }, cancellation);
            }
            foreach (var item in page.Items)
                yield return item;
            if (string.IsNullOrEmpty(page.Continue))
                yield break;
            // The token carries the resourceVersion; giving both is refused.
            options = options with { Continue = page.Continue, ResourceVersion = null, ResourceVersionMatch = null };
        }
    }

    /// <summary>Changes as they happen; ends when the server ends it.</summary>
    /// <exception cref="ApiException">Refused, or ended by an error event: <see cref="ApiException.IsExpired"/> asks for a new list.</exception>
    /// <exception cref="TransportException">The connection broke: what came before stays true, go on from there.</exception>
    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(
        string ns, WatchOptions options, [EnumeratorCancellation] CancellationToken cancellation = default)
        where T : class, IKubernetesObject<T>
    {
        await foreach (var change in WatchAsync(ObjectFormat.Whole, ResourceOf<T>(), ns, options, cancellation))
            yield return new WatchEvent<T>(change.Type, (T)change.Object);
    }

    internal async IAsyncEnumerable<WatchEvent<IKubernetesObject>> WatchAsync(
        ObjectFormat format, ResourceDescription resource, string ns, WatchOptions options,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        await using var stream = await OpenAsync(format, resource, ns, options, cancellation);
        while (await stream.ReadLineAsync(cancellation) is { } line)
        {
            if (line.IsEmpty)
                continue;
            var (type, body) = WatchEventReader.Read(line);
            yield return new WatchEvent<IKubernetesObject>(type, format.Read(resource.Kind, body.Span));
        }
    }

    private async Task<IApiStream> OpenAsync(
        ObjectFormat format, ResourceDescription resource, string ns, WatchOptions options, CancellationToken cancellation)
    {
        var path = new RequestPath(resource, ns)
            .With("watch", true)
            .With("allowWatchBookmarks", options.AllowBookmarks)
            .With("labelSelector", options.LabelSelector)
            .With("fieldSelector", options.FieldSelector)
            .With("resourceVersion", options.ResourceVersion)
            .With("sendInitialEvents", options.SendInitialEvents)
            .With("resourceVersionMatch", options.SendInitialEvents ? "NotOlderThan" : null)
            .With("timeoutSeconds", (long?)options.Timeout?.TotalSeconds);
        var request = new ApiRequest(HttpMethod.Get, path.ToString()) { Accept = format.Accept };
        for (int attempt = 0; ; attempt++)
        {
            if (_limiter is not null)
                await _limiter.WaitAsync(cancellation);
            var stream = await _transport.OpenAsync(request, cancellation);
            if (stream.StatusCode is >= 200 and < 300)
                return stream;
            await using (stream)
            {
                if (!IsPutOff(stream.StatusCode, stream.RetryAfter, attempt))
                    throw new ApiException(StatusReader.Read(await ReadAllAsync(stream, cancellation), stream.StatusCode));
            }
            await Task.Delay(stream.RetryAfter!.Value, _options.Time, cancellation);
        }
    }

    private static async Task<byte[]> ReadAllAsync(IApiStream stream, CancellationToken cancellation)
    {
        var body = new ArrayBufferWriter<byte>();
        while (await stream.ReadLineAsync(cancellation) is { } line)
            body.Write(line.Span);
        return body.WrittenSpan.ToArray();
    }

    // Requests

    /// <summary>Sends a request as it is; for what has no method here.</summary>
    /// <exception cref="ApiException">The server refused it.</exception>
    public async Task<ReadOnlyMemory<byte>> SendAsync(ApiRequest request, CancellationToken cancellation = default)
    {
        for (int attempt = 0; ; attempt++)
        {
            if (_limiter is not null)
                await _limiter.WaitAsync(cancellation);
            var response = await _transport.SendAsync(request, cancellation);
            if (response.IsSuccess)
                return response.Body;
            if (!IsPutOff(response.StatusCode, response.RetryAfter, attempt))
                throw new ApiException(StatusReader.Read(response.Body.Span, response.StatusCode));
            await Task.Delay(response.RetryAfter!.Value, _options.Time, cancellation);
        }
    }

    // Without Retry-After a 429 is an answer (an eviction that a budget forbids), not a request for patience.
    private bool IsPutOff(int statusCode, TimeSpan? retryAfter, int attempt) =>
        retryAfter is not null && attempt < _options.RetryLimit && (statusCode == 429 || statusCode >= 500);
}
